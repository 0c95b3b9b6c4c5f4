import Collective
import Diagnostics
import Foundation

extension Check {
  /// Times of a sum and bytes that leave this machine, by each way in turn: `bench BYTES:REPEATS...`.
  func bench(_ arguments: [String]) throws {
    try eachSize(arguments) { group, values, repeats in
      let ways = BenchWay.all.map { BenchWay.Times($0) }
      for round in 0...repeats {
        for way in ways { try way.run(group, values, counts: round > 0) }
      }
      return ways.map(\.line).joined()
    }
  }

  /// The time of own sums one after the other, without a barrier: `bench-row BYTES:REPEATS...`.
  func benchRow(_ arguments: [String]) throws {
    try eachSize(arguments) { group, values, repeats in
      try group.allReduceSum(values)
      try group.barrier()
      let begin = monotonicNanoseconds()
      for _ in 0..<repeats { try group.allReduceSum(values) }
      let each = Double(monotonicNanoseconds() - begin) / 1e3 / Double(repeats)
      return String(format: ": %.2f microseconds a sum", each)
    }
  }

  private func eachSize(
    _ arguments: [String], _ measure: (MPI, UnsafeMutableBufferPointer<Float>, Int) throws -> String
  ) throws {
    guard let group = group as? MPI else { return }
    for size in arguments.isEmpty ? ["4096:500", "65536:500", "1048576:500", "10485760:50"] : arguments {
      let parts = size.split(separator: ":").compactMap { Int($0) }
      guard parts.count == 2, parts[0] >= 4, parts[1] > 0 else {
        throw Failure.usage("bench: \(size) is not BYTES:REPEATS")
      }
      let values = UnsafeMutableBufferPointer<Float>.allocate(capacity: parts[0] / 4)
      values.initialize(repeating: 0)
      defer { values.deallocate() }
      let line = try measure(group, values, parts[1])
      if group.rank == 0 { print("bytes \(parts[0]) ranks \(group.size)\(line)") }
    }
  }
}

/// A way to add.
private enum BenchWay {
  case own, messages
  case library(SumEngine)

  static let all: [BenchWay] = [.own, .messages] + SumEngine.library.map { .library($0) }

  var name: String {
    switch self {
    case .own: "own"
    case .messages: "messages alone"
    case .library(let engine): engine.rawValue
    }
  }

  final class Times {
    private let way: BenchWay
    private var milliseconds: [Double] = []
    private var sent = 0

    init(_ way: BenchWay) { self.way = way }

    func run(_ group: MPI, _ values: UnsafeMutableBufferPointer<Float>, counts: Bool) throws {
      try group.barrier()
      let before = Self.sentBytes
      if case .messages = way { group.sharesMemory = false }
      var engine = SumEngine.own
      if case .library(let other) = way { engine = other }
      let begin = monotonicNanoseconds()
      try group.addGradients(values, .init(start: nil, count: 0), by: engine)
      let time = Double(monotonicNanoseconds() - begin) / 1e6
      group.sharesMemory = true
      try group.barrier()
      if counts {
        milliseconds.append(time)
        sent += Self.sentBytes - before
      }
    }

    /// Bytes that left this machine's first device, that of the testbed's hosts.
    private static var sentBytes: Int {
      let text = try? String(contentsOfFile: "/sys/class/net/eth0/statistics/tx_bytes", encoding: .utf8)
      return text.flatMap { Int($0.trimmingCharacters(in: .whitespacesAndNewlines)) } ?? 0
    }

    var line: String {
      let sorted = milliseconds.sorted()
      func text(_ value: Double) -> String { String(format: "%.4f", value) }
      let bytes = sent > 0 ? " sent \(sent / milliseconds.count)" : ""
      return "\n  \(way.name): min \(text(sorted[0])) median \(text(sorted[sorted.count / 2]))\(bytes)"
    }
  }
}
