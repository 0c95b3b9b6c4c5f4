/// Samples that are a source and a target of tokens. `gather` writes the targets: as inputs behind the token that begins them, as
/// classes before the one that ends them; a sample's length is that of its target and its end.
public protocol PairedSet: SampleSet {
  func sourceLength(of sample: Int) -> Int
  /// Writes the sources of these samples, longest first, step by step.
  func gatherSources(
    _ samples: UnsafeBufferPointer<Int32>, into tokens: UnsafeMutablePointer<Int32>)
  func source(of sample: Int) -> [Int32]
  /// Without begin and end.
  func target(of sample: Int) -> [Int32]
}

/// The token that begins and ends a target.
public let endOfTarget: Int32 = 0

/// Sequences of tokens one after the other.
struct TokenSequences: Sendable {
  private var tokens: [Int32] = []
  private var starts = [0]

  mutating func append(_ sequence: some Sequence<Int32>) {
    tokens += sequence
    starts.append(tokens.count)
  }

  var count: Int { starts.count - 1 }
  subscript(index: Int) -> ArraySlice<Int32> { tokens[starts[index]..<starts[index + 1]] }
  func length(_ index: Int) -> Int { starts[index + 1] - starts[index] }
  var longest: Int { (0..<count).map(length).max() ?? 0 }
  func token(_ index: Int, _ step: Int) -> Int32 { tokens[starts[index] + step] }
}

struct PairSet: PairedSet {
  let shape: SampleShape
  let sources: TokenSequences
  let targets: TokenSequences
  /// The pairs of the file that belong to this set.
  let range: Range<Int>

  var count: Int { range.count }
  func length(of sample: Int) -> Int { targets.length(range.lowerBound + sample) + 1 }
  func sourceLength(of sample: Int) -> Int { sources.length(range.lowerBound + sample) }
  func source(of sample: Int) -> [Int32] { Array(sources[range.lowerBound + sample]) }
  func target(of sample: Int) -> [Int32] { Array(targets[range.lowerBound + sample]) }

  func gather(_ samples: UnsafeBufferPointer<Int32>, into memory: BatchMemory) {
    guard let inputs = memory.tokens else { preconditionFailure("tokens need memory") }
    forEachStep(samples, length: length) { row, sample, step in
      let pair = range.lowerBound + sample
      inputs[row] = step == 0 ? endOfTarget : targets.token(pair, step - 1)
      memory.classes[row] = step + 1 == length(of: sample) ? endOfTarget : targets.token(pair, step)
    }
  }

  func gatherSources(
    _ samples: UnsafeBufferPointer<Int32>, into tokens: UnsafeMutablePointer<Int32>
  ) {
    forEachStep(samples, length: sourceLength) { row, sample, step in
      tokens[row] = sources.token(range.lowerBound + sample, step)
    }
  }

  /// The rows of a batch in order: for each step those of the samples that are longer.
  @inline(__always)
  private func forEachStep(
    _ samples: UnsafeBufferPointer<Int32>, length: (Int) -> Int, _ body: (Int, Int, Int) -> Void
  ) {
    for sample in samples { precondition(sample >= 0 && Int(sample) < count, "sample number out of range") }
    var (row, step, active) = (0, 0, samples.count)
    while true {
      while active > 0, length(Int(samples[active - 1])) <= step { active -= 1 }
      if active == 0 { return }
      for index in 0..<active {
        precondition(
          length(Int(samples[index])) > step, "samples of different length must come longest first")
        body(row + index, Int(samples[index]), step)
      }
      (row, step) = (row + active, step + 1)
    }
  }
}
