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

  /// A small sum, and the largest that takes little time.
  private static let (small, largest) = (1 << 12, 1 << 23)
  private static let enough = 0.1
  private static let repeats = 7

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
    let small = try Self.time(group, Self.small)
    var (large, seconds) = (1 << 16, 0.0)
    repeat {
      large *= 2
      seconds = try Self.time(group, large, repeats: 1)
    } while seconds < Self.enough && large < Self.largest
    seconds = try Self.time(group, large)
    (bytes, self.seconds) = ((Self.small, large), (small, seconds))
    // Of each sum: so many latencies, and so many bytes.
    func parts(_ bytes: Int) -> (latencies: Double, bytes: Double, within: Double) {
      func cost(_ network: NetworkCost, _ memory: Double) -> SumCost {
        SumCost(
          .hierarchical, bytes: bytes, machines: machines, ranksPerMachine: perMachine, network: network,
          memory: memory)
      }
      return (
        cost(.init(latency: 1, secondsPerByte: 0), 0).seconds,
        cost(.init(latency: 0, secondsPerByte: 0), 0).bytesPerMachine,
        cost(.init(latency: 0, secondsPerByte: 0), memory).seconds
      )
    }
    let (a, b) = (parts(Self.small), parts(large))
    let times = (max(small - a.within, 1e-9), max(seconds - b.within, 1e-9))
    let determinant = a.latencies * b.bytes - b.latencies * a.bytes
    let latency = (times.0 * b.bytes - times.1 * a.bytes) / determinant
    let perByte = (times.1 * a.latencies - times.0 * b.latencies) / determinant
    // Noise can have either fall below what can be.
    cost = NetworkCost(latency: max(latency, 1e-7), secondsPerByte: max(perByte, 1e-12))
  }

  private static func time(_ group: MPI, _ bytes: Int, repeats: Int = repeats) throws -> Double {
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
    return try group.mean(try (0..<repeats).map { _ in try once() }.sorted()[repeats / 2])
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
