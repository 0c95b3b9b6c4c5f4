import Diagnostics

/// A trial of what adds gradients, before the first step: on zeros, so that no run's bits hang on it.
package struct SumTrial: Equatable, Sendable {
  package struct Time: Equatable, Sendable {
    package var engine: SumEngine
    /// Of a sum: the median, mean of all ranks.
    package var milliseconds: Double

    package init(_ engine: SumEngine, milliseconds: Double) {
      (self.engine, self.milliseconds) = (engine, milliseconds)
    }
  }

  package let times: [Time]

  package init(_ times: [Time]) { self.times = times }

  /// How many times faster a library must be than own sums: below that a busy machine could decide otherwise another time, and
  /// with it the bits.
  package static let margin = 1.25

  /// The fastest collective, where there are no own sums to compare it with or it is plainly faster than they are.
  package var choice: SumEngine {
    let fastest = times.filter { $0.engine != .own }.min { $0.milliseconds < $1.milliseconds }
    guard let fastest else { return .own }
    let own = times.first { $0.engine == .own }
    return own.map { $0.milliseconds >= Self.margin * fastest.milliseconds } ?? true ? fastest.engine : .own
  }

  private static let repeats = 3
  /// Values that are added, at most, and those by which a network is found too slow to try more: own sums send what
  /// must be sent, and there is nothing to gain.
  private static let (largest, probe) = (1 << 20, 1 << 14)
  private static let slowProbe = 0.002

  /// All ranks call it.
  /// - count: values of a run's gradients.
  package init(_ group: MPI, count: Int, among engines: [SumEngine]) throws {
    let values = UnsafeMutableBufferPointer<Float>.allocate(capacity: max(1, min(count, Self.largest)))
    values.initialize(repeating: 0)
    defer { values.deallocate() }
    if engines.contains(.own) {
      let probe = UnsafeMutableBufferPointer(rebasing: values[..<min(Self.probe, values.count)])
      let fastest = try (0..<3).map { _ in try Self.time(group, probe, .own) }.min()!
      let seconds = try Self.mean(group, [fastest])[0]
      guard seconds < Self.slowProbe else {
        times = [Time(.own, milliseconds: 1000 * seconds)]
        return
      }
    }
    // A library that is far slower at first is not waited for again.
    let first = try Self.mean(group, engines.map { try Self.time(group, values, $0) })
    let least = first.min()!
    let tried = engines.indices.filter { first[$0] < 2 * least || engines[$0] == .own }
    var seconds = tried.map { _ in [Double]() }
    for _ in 0..<Self.repeats {
      for (index, engine) in tried.enumerated() {
        seconds[index].append(try Self.time(group, values, engines[engine]))
      }
    }
    let means = try Self.mean(group, seconds.map { $0.sorted()[$0.count / 2] })
    times = zip(tried, means).map { Time(engines[$0], milliseconds: 1000 * $1) }
  }

  private static func time(_ group: MPI, _ values: UnsafeMutableBufferPointer<Float>, _ engine: SumEngine)
    throws
    -> Double
  {
    try group.barrier()
    let begin = monotonicNanoseconds()
    try group.addGradients(values, .init(start: nil, count: 0), by: engine)
    return Double(monotonicNanoseconds() - begin) / 1e9
  }

  private static func mean(_ group: MPI, _ seconds: [Double]) throws -> [Double] {
    var seconds = seconds
    try seconds.withUnsafeMutableBufferPointer { try group.allReduceSum($0) }
    return seconds.map { $0 / Double(group.size) }
  }
}

extension SumTrial {
  /// As a file holds it.
  /// - key: all that it depends on, in one line.
  package func text(_ key: String) -> String {
    ([key] + times.map { "\($0.engine.rawValue) \($0.milliseconds)" } + ["end", ""]).joined(separator: "\n")
  }

  /// nil where the text is another key's or not whole.
  package init?(_ text: String, key: String) {
    let lines = text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map {
      String(Substring($0))
    }
    guard lines.count > 3, lines[0].hasSameBytes(as: key), lines.suffix(2) == ["end", ""] else { return nil }
    var times: [Time] = []
    for line in lines[1..<lines.count - 2] {
      let words = line.utf8.split(separator: UInt8(ascii: " ")).map { String(Substring($0)) }
      guard words.count == 2, let engine = SumEngine(rawValue: words[0]), let time = Double(words[1]),
        time.isFinite, time >= 0
      else { return nil }
      times.append(Time(engine, milliseconds: time))
    }
    self.init(times)
  }
}
