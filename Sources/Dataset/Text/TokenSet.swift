import Batches

/// Stretches of tokens as samples: the texts of a table's rows, or sentences with tags.
struct TokenSet: SampleSet {
  /// What belongs to a sample.
  enum TokenTargets {
    /// `[samples of the file, width]`
    case values(Elements<Float>)
    /// `[samples of the file]`
    case classes([Int32])
    /// One for each token.
    case tags([Int32])
  }

  let shape: SampleShape
  /// Of the whole file.
  let tokens: [Int32]
  let targets: TokenTargets
  /// The first token of each sample of the file, and the end of the last.
  let starts: [Int]
  /// Those of this set.
  let samples: Range<Int>

  var count: Int { samples.count }
  func length(of sample: Int) -> Int {
    starts[samples.lowerBound + sample + 1] - starts[samples.lowerBound + sample]
  }

  func fill(_ batch: Batch) {
    guard let inputs = batch.tokens else { preconditionFailure("tokens need memory") }
    batch.rows.forEachRow { row, place, step in
      inputs[row] = tokens[starts[sample(batch, place)] + step]
    }
    switch targets {
    case .tags(let tags):
      batch.rows.forEachRow { row, place, step in
        batch.classes[row] = tags[starts[sample(batch, place)] + step]
      }
    case .classes(let classes):
      for place in 0..<batch.count { batch.classes[place] = classes[sample(batch, place)] }
    case .values(let values):
      let width = shape.targetWidth
      values.withUnsafeBufferPointer { values in
        for place in 0..<batch.count {
          let from = sample(batch, place) * width
          for column in 0..<width { batch.values[place * width + column] = values[from + column] }
        }
      }
    }
  }

  /// Its number in the file.
  @inline(__always)
  private func sample(_ batch: Batch, _ place: Int) -> Int { samples.lowerBound + Int(batch.numbers[place]) }
}
