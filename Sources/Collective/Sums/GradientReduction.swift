/// The sum of gradients over all ranks, once a step: in one message after backward, or layer by layer beside it.
///
/// Large models try both in their first steps and keep what takes less time, all ranks alike. Either way the bits are
/// the same: what adds (`engine`) was decided before. A step:
///
///     reduction.begin()
///     model.backward(dOutput)          // tells `reduction.isFinal(from:)`
///     try reduction.sum(sums)
///     let choice = try reduction.stepEnded(seconds: seconds)
package final class GradientReduction {
  /// How a run's gradients are summed.
  package struct Choice: Sendable, Equatable {
    /// Whether layers are summed while those below are still computed.
    package var isOverlapped: Bool
    /// Of a step.
    package var messages: Int
    /// What adds them.
    package var engine = SumEngine.own
    /// Of a step: the median of those tried, mean of all ranks. nil where there was only one way.
    package var milliseconds: (oneMessage: Double, overlapped: Double)?

    package static func == (a: Choice, b: Choice) -> Bool {
      a.isOverlapped == b.isOverlapped && a.engine == b.engine && a.messages == b.messages
        && a.milliseconds?.oneMessage == b.milliseconds?.oneMessage
        && a.milliseconds?.overlapped == b.milliseconds?.overlapped
    }
  }

  /// Fewer values than this are one message.
  package static let leastOverlapped = 1 << 18
  /// Layers of fewer values travel with the next one.
  private static let leastBucket = 1 << 15

  private let group: any Communicator
  private let gradients: UnsafeMutableBufferPointer<Float>
  private let overlapped: OverlappedSum?
  private let messages: Int
  private var trial: Timing?
  /// Whether the step that was begun sums layers while those below are still computed.
  package private(set) var isOverlapping = false
  private var isReported = false
  /// What adds; set before the first step, on all ranks alike.
  package var engine = SumEngine.own { didSet { overlapped?.engine = engine } }

  /// - gradients: must stay where they are.
  /// - boundaries: where backward is done with all that follows, falling: the start of the head, of each layer.
  /// - least: values from which on both ways are tried.
  package init(
    _ group: any Communicator, _ gradients: UnsafeMutableBufferPointer<Float>, boundaries: [Int],
    least: Int = leastOverlapped
  ) {
    self.group = group
    self.gradients = gradients
    let isLarge = gradients.count >= least && group.size > 1
    let buckets =
      isLarge ? Self.buckets(gradients.count, boundaries, least: min(Self.leastBucket, least / 4)) : []
    overlapped = buckets.count > 1 ? OverlappedSum(group, gradients, buckets: buckets) : nil
    trial = overlapped == nil ? nil : Timing()
    messages = max(1, buckets.count)
  }

  /// The stretches of gradients that travel beside backward, from the end to the start; one or none where all travel together.
  package static func buckets(_ count: Int, _ boundaries: [Int]) -> [Range<Int>] {
    count >= leastOverlapped ? buckets(count, boundaries, least: leastBucket) : []
  }

  private static func buckets(_ count: Int, _ boundaries: [Int], least: Int) -> [Range<Int>] {
    var buckets: [Range<Int>] = []
    var end = count
    for start in boundaries + [0] where end - start >= least || (start == 0 && end > 0) {
      buckets.append(start..<end)
      end = start
    }
    return buckets
  }

  /// Whether both ways are still being tried.
  package var isTrying: Bool { trial != nil }

  /// Nothing of the gradients is final yet. Until `sum` returns, nothing else of the group may be called.
  package func begin() {
    isOverlapping = trial?.isOverlapping ?? isOverlapping
    if isOverlapping { overlapped?.begin() }
  }

  /// The gradients from this one to the last are final.
  package func isFinal(from start: Int) { if isOverlapping { overlapped?.isFinal(from: start) } }

  /// Leaves the sums of gradients and of `sums` in place, on every rank. All gradients are final.
  package func sum(_ sums: UnsafeMutableBufferPointer<Double>) throws {
    if isOverlapping, let overlapped { return try overlapped.finish(sums) }
    // A library's bits may depend on how a message is cut.
    if engine != .own, let overlapped { return try overlapped.sumAfterwards(sums) }
    try group.addGradients(gradients, sums, by: engine)
  }

  /// Of the step that was summed: when messages began and ended that travelled beside backward, in nanoseconds.
  package var spans: [(begin: UInt64, end: UInt64)] {
    isOverlapping ? overlapped?.spans.map { ($0.begin, $0.end) } ?? [] : []
  }

  /// Takes note of a step's time. All ranks call it after each step.
  /// - Returns: the choice, once, when it is made.
  package func stepEnded(seconds: Double) throws -> Choice? {
    if isReported { return nil }
    if trial != nil {
      guard let times = try trial!.stepEnded(seconds: seconds, group) else { return nil }
      trial = nil
      isOverlapping = times.overlapped < times.oneMessage
      isReported = true
      let isCut = isOverlapping || engine != .own
      return Choice(
        isOverlapped: isOverlapping, messages: isCut ? messages : 1, engine: engine, milliseconds: times)
    }
    isReported = true
    return Choice(isOverlapped: false, messages: 1, engine: engine, milliseconds: nil)
  }

  /// The two ways take turns.
  private struct Timing {
    /// Steps that make room and start threads, then those that count.
    private static let (warmUp, counted) = (2, 10)
    private var step = 0
    private var seconds: [[Double]] = [[], []]

    var isOverlapping: Bool { step % 2 == 1 }

    mutating func stepEnded(seconds: Double, _ group: any Communicator) throws
      -> (oneMessage: Double, overlapped: Double)?
    {
      if step >= Self.warmUp { self.seconds[step % 2].append(seconds) }
      step += 1
      guard step == Self.warmUp + Self.counted else { return nil }
      var medians = self.seconds.map { $0.sorted()[$0.count / 2] }
      try medians.withUnsafeMutableBufferPointer { try group.allReduceSum($0) }
      let factor = 1000 / Double(group.size)
      return (factor * medians[0], factor * medians[1])
    }
  }
}
