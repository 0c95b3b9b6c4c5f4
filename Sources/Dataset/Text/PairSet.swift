import Batches

/// Samples that are a source and a target of tokens. A batch has the targets: as inputs after the token that begins them, as
/// classes before the one that ends them; a sample's length is that of its target and its end. Its `source` has the sources.
public protocol PairedSet: SampleSet {
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
  var kind: SampleKind { .pairs(self) }
  func source(of sample: Int) -> [Int32] { Array(sources[range.lowerBound + sample]) }
  func target(of sample: Int) -> [Int32] { Array(targets[range.lowerBound + sample]) }

  func fill(_ batch: Batch) {
    guard let inputs = batch.tokens, let source = batch.source, let read = source.tokens else {
      preconditionFailure("pairs need memory for sources and targets")
    }
    batch.rows.forEachRow { row, place, step in
      let pair = range.lowerBound + Int(batch.numbers[place])
      inputs[row] = step == 0 ? endOfTarget : targets.token(pair, step - 1)
      batch.classes[row] = step == targets.length(pair) ? endOfTarget : targets.token(pair, step)
    }
    let numbers = UnsafeBufferPointer(start: UnsafePointer(batch.numbers), count: batch.count)
    source.arrange(numbers) { sources.length(range.lowerBound + $0) }
    source.rows.forEachRow { row, place, step in
      read[row] = sources.token(range.lowerBound + Int(source.numbers[place]), step)
    }
  }
}
