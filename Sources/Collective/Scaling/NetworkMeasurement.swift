import Diagnostics

/// Latency, rate and congestion of the network between the machines of a group, from the times of its own sums.
package struct NetworkMeasurement: Sendable, Equatable {
  package var cost: NetworkCost
  /// Bytes of the two sums that it comes from, and their times: medians, the mean of all ranks.
  package var bytes: (small: Int, large: Int)
  package var seconds: (small: Double, large: Double)

  package static func == (a: Self, b: Self) -> Bool {
    a.cost == b.cost && a.bytes == b.bytes && a.seconds == b.seconds
  }

  /// Bytes of a sum that is latency alone, and the most of one that is bytes above all; how long such a one takes at least.
  private static let (small, largest, enough) = (8, 1 << 23, 0.1)
  private static let repeats = (small: 21, large: 7)

  /// All ranks call it; they must be on several machines, as many on each.
  /// - memory: see `MemoryCost`.
  package init(_ group: MPI, memory: Double) throws {
    let machines = try group.placement().machines
    try self.init(group, machines: machines.count, perMachine: machines[0].count, memory)
    // The same between two machines alone shows what all at once cost each other.
    let pair = machines[0].count * 2
    let isInOrder = machines.joined().elementsEqual(0..<group.size)
    guard machines.count > 2, isInOrder else { return }
    var alone = cost.secondsPerByte
    if let part = try group.part(0..<pair) as? MPI {
      alone = try NetworkMeasurement(part, machines: 2, perMachine: machines[0].count, memory).cost
        .secondsPerByte
    }
    var shared = [group.rank < pair ? alone : 0]
    try shared.withUnsafeMutableBufferPointer { try group.allReduceSum($0) }
    alone = min(cost.secondsPerByte, shared[0] / Double(pair))
    cost = NetworkCost(
      latency: cost.latency, secondsPerByte: alone, congestion: cost.secondsPerByte / alone)
  }

  private init(_ group: MPI, machines: Int, perMachine: Int, _ memory: Double) throws {
    let small = try Self.times(group, Self.small, Self.repeats.small)
    var (large, seconds) = (1 << 16, 0.0)
    repeat {
      large *= 2
      seconds = try Self.times(group, large, 1).median
    } while seconds < Self.enough && large < Self.largest
    seconds = try Self.times(group, large, Self.repeats.large).median
    (bytes, self.seconds) = ((Self.small, large), (small.median, seconds))
    // Of a sum: so many latencies, and so many bytes.
    func parts(_ bytes: Int) -> (latencies: Double, bytes: Double, within: Double) {
      func cost(_ network: NetworkCost, _ memory: Double) -> SumCost {
        SumCost(
          .hierarchical, bytes: bytes, machines: machines, ranksPerMachine: perMachine, network: network,
          memory: memory)
      }
      return (
        cost(.init(latency: 1, secondsPerByte: 0), 0).seconds,
        cost(.init(latency: 0, secondsPerByte: 1), 0).seconds,
        cost(.init(latency: 0, secondsPerByte: 0), memory).seconds
      )
    }
    let (a, b) = (parts(Self.small), parts(large))
    // Nothing is taken from the small sum: what bytes it has are a part of any message. What is taken from the large one is what latency is at
    // least: a machine that was busy for a moment would make the network faster than it is.
    let latencies = b.latencies * small.least / a.latencies
    cost = NetworkCost(
      latency: max(small.median / a.latencies, 1e-7),
      secondsPerByte: max(seconds - b.within - latencies, 0.5 * seconds) / b.bytes)
  }

  /// Of sums of so many bytes: the median and the least, of all ranks the mean.
  private static func times(_ group: MPI, _ bytes: Int, _ repeats: Int) throws -> (
    median: Double, least: Double
  ) {
    let values = UnsafeMutableBufferPointer<Float>.allocate(capacity: bytes / 4)
    values.initialize(repeating: 0)
    defer { values.deallocate() }
    func once() throws -> Double {
      try group.barrier()
      let begin = monotonicNanoseconds()
      try group.addGradients(values, .init(start: nil, count: 0), by: .own)
      return Double(monotonicNanoseconds() - begin) / 1e9
    }
    _ = try once()
    let sorted = try (0..<repeats).map { _ in try once() }.sorted()
    return (try group.mean(sorted[repeats / 2]), try group.mean(sorted[0]))
  }
}

extension Communicator {
  /// The mean of what all ranks say.
  package func mean(_ value: Double) throws -> Double {
    var sum = [value]
    try sum.withUnsafeMutableBufferPointer { try allReduceSum($0) }
    return sum[0] / Double(size)
  }
}

/// What memory takes.
package enum MemoryCost {
  private static let bytes = 1 << 23

  /// Seconds for a byte that each of several ranks copies at the same time: the fastest of a few copies.
  /// - group: whose ranks copy together.
  package static func secondsPerByte(_ group: any Communicator) throws -> Double {
    let (from, to) = (Self.buffer(), Self.buffer())
    defer {
      from.deallocate()
      to.deallocate()
    }
    let times = try (0..<5).map { _ in
      try group.barrier()
      let begin = monotonicNanoseconds()
      to.copyMemory(from: UnsafeRawBufferPointer(from))
      return Double(monotonicNanoseconds() - begin) / 1e9
    }
    return try group.mean(times.min()! / Double(bytes))
  }

  private static func buffer() -> UnsafeMutableRawBufferPointer {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes, alignment: 64)
    buffer.initializeMemory(as: UInt8.self, repeating: 1)
    return buffer
  }
}
