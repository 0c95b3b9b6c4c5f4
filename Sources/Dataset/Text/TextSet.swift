/// Samples that are consecutive windows of parallel streams: sample s is window s / `streams` of stream s mod `streams`. A network
/// that reads window after window goes on from the state it was in.
public protocol StreamedSet: SampleSet {
  var streams: Int { get }
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
  /// Of all parts together.
  let tokens: [Int32]
  /// This set's.
  let range: Range<Int>
  private(set) var streams = 1
  private(set) var isEven = false

  init(shape: SampleShape, tokens: [Int32], range: Range<Int>) {
    self.shape = shape
    self.tokens = tokens
    self.range = range
  }

  var pairs: Int { max(0, range.count - 1) }
  private var shortest: Int { pairs / streams }
  /// Streams that are one token longer.
  private var longer: Int { isEven ? 0 : pairs % streams }

  func arranged(inStreams count: Int, isEven: Bool) -> TextSet {
    precondition(count > 0)
    var set = self
    (set.streams, set.isEven) = (count, isEven)
    return set
  }

  var count: Int {
    // The longer streams come first, so that the last window may have only them.
    let isLast = longer > 0 && shortest % shape.steps == 0
    return (shortest + shape.steps - 1) / shape.steps * streams + (isLast ? longer : 0)
  }

  func length(of sample: Int) -> Int {
    let (window, stream) = sample.quotientAndRemainder(dividingBy: streams)
    return min(shape.steps, shortest + (stream < longer ? 1 : 0) - window * shape.steps)
  }

  private func start(of sample: Int) -> Int {
    let (window, stream) = sample.quotientAndRemainder(dividingBy: streams)
    return range.lowerBound + stream * shortest + min(stream, longer) + window * shape.steps
  }

  func gather(_ samples: UnsafeBufferPointer<Int32>, into memory: BatchMemory) {
    guard let inputs = memory.tokens else { preconditionFailure("tokens need memory") }
    for sample in samples { precondition(sample >= 0 && Int(sample) < count, "sample number out of range") }
    tokens.withUnsafeBufferPointer { tokens in
      var (row, step, active) = (0, 0, samples.count)
      while true {
        while active > 0, length(of: Int(samples[active - 1])) <= step { active -= 1 }
        if active == 0 { return }
        for sample in samples[..<active] {
          let token = start(of: Int(sample)) + step
          inputs[row] = tokens[token]
          memory.classes[row] = tokens[token + 1]
          row += 1
        }
        step += 1
      }
    }
  }
}
