import Batches
import Diagnostics

/// Samples that are consecutive windows of parallel streams (see `Streams`). A network that reads window after window goes on from the
/// state it was in.
public protocol StreamedSet: SampleSet {
  /// Inputs with a target, all streams together.
  var pairs: Int { get }
  /// The same text in another number of streams.
  /// - isEven: leave out the last few tokens, so that all streams are of one length.
  func arranged(inStreams count: Int, isEven: Bool) -> Self
}

/// A text as windows of `shape.steps` tokens, each token's target being the next one.
///
/// With B streams the text is cut into B consecutive parts of (almost) equal length, which are read side by side.
struct TextSet: StreamedSet {
  let shape: SampleShape
  /// Of all parts together; none where they are `stored`.
  let tokens: TokenArray
  /// The tokens where they stay in their files.
  let stored: StoredTokens?
  /// This set's.
  let range: Range<Int>
  private var parallel = Streams(count: 1)
  private(set) var isEven = false

  init(shape: SampleShape, tokens: TokenArray, stored: StoredTokens?, range: Range<Int>) {
    self.shape = shape
    (self.tokens, self.stored) = (tokens, stored)
    self.range = range
  }

  var pairs: Int { max(0, range.count - 1) }
  var streams: Streams? { parallel }
  var kind: SampleKind { .windows(self) }
  private var shortest: Int { pairs / parallel.count }
  /// Streams that are one token longer.
  private var longer: Int { isEven ? 0 : pairs % parallel.count }

  func arranged(inStreams count: Int, isEven: Bool) -> TextSet {
    var set = self
    (set.parallel, set.isEven) = (Streams(count: count), isEven)
    return set
  }

  var count: Int {
    // The longer streams come first, so that the last window may have only them.
    let isLast = longer > 0 && shortest % shape.steps == 0
    return (shortest + shape.steps - 1) / shape.steps * parallel.count + (isLast ? longer : 0)
  }

  func length(of sample: Int) -> Int {
    let (window, stream) = (parallel.window(of: sample), parallel.stream(of: sample))
    return min(shape.steps, shortest + (stream < longer ? 1 : 0) - window * shape.steps)
  }

  private func start(of sample: Int) -> Int {
    let (window, stream) = (parallel.window(of: sample), parallel.stream(of: sample))
    return range.lowerBound + stream * shortest + min(stream, longer) + window * shape.steps
  }

  var readingFailure: Failure? { stored?.failure }

  func fill(_ batch: Batch) {
    if let stored { return fill(batch, stored) }
    switch tokens {
    case .one(let tokens): fill(batch, tokens)
    case .two(let tokens): fill(batch, tokens)
    case .four(let tokens): fill(batch, tokens)
    }
  }

  private func fill<Element: TokenElement>(_ batch: Batch, _ tokens: Elements<Element>) {
    guard let inputs = batch.tokens else { preconditionFailure("tokens need memory") }
    tokens.withUnsafeBufferPointer { tokens in
      batch.rows.forEachRow { row, place, step in
        let token = start(of: Int(batch.numbers[place])) + step
        inputs[row] = Int32(truncatingIfNeeded: tokens[token])
        batch.classes[row] = Int32(truncatingIfNeeded: tokens[token + 1])
      }
    }
  }

  /// Window by window: the tokens of one stand side by side in a file.
  private func fill(_ batch: Batch, _ stored: StoredTokens) {
    guard let inputs = batch.tokens else { preconditionFailure("tokens need memory") }
    let width = shape.steps + 1
    withUnsafeTemporaryAllocation(of: Int32.self, capacity: batch.count * width) { windows in
      for place in 0..<batch.count {
        let sample = Int(batch.numbers[place])
        let start = start(of: sample)
        stored.read(
          start..<start + length(of: sample) + 1, into: windows.baseAddress! + place * width)
      }
      batch.rows.forEachRow { row, place, step in
        inputs[row] = windows[place * width + step]
        batch.classes[row] = windows[place * width + step + 1]
      }
    }
  }
}
