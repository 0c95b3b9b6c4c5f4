import CMPI

extension MPI {
  package func allReduceSum(
    _ values: UnsafeMutableBufferPointer<Float>, _ sums: UnsafeMutableBufferPointer<Double>
  ) throws {
    guard size > 1 else { return }
    if sharesMemory, let machine = try machineSum() {
      return entering(.allReduce) { machine.sum(values, sums) }
    }
    try networkSum().sum(values, sums)
  }

  private func machineSum() throws -> MachineSum? {
    if case .tried(let sum) = machine { return sum }
    let sum = try MachineSum(self, patience: patience)
    machine = .tried(sum)
    return sum
  }

  private func networkSum() -> NetworkSum {
    if let network { return network }
    let sum = NetworkSum(self)
    network = sum
    return sum
  }

  /// Gives `out` to one rank and takes `into` from another; either may be empty, and then nobody need be there.
  func swap(_ out: UnsafeRawBufferPointer, to: Int, _ into: UnsafeMutableRawBufferPointer, from: Int) throws {
    var requests = (cmpi_request(handle: nil), cmpi_request(handle: nil))
    if !into.isEmpty {
      try check(
        "MPI_Irecv",
        cmpi_start_receive(group, into.baseAddress!, CInt(into.count), CInt(from), &requests.0))
    }
    if !out.isEmpty {
      try check("MPI_Isend", cmpi_start_send(group, out.baseAddress!, CInt(out.count), CInt(to), &requests.1))
    }
    try patience.wait {
      try isDone(&requests.0) && isDone(&requests.1)
    }
  }

  private func isDone(_ request: inout cmpi_request) throws -> Bool {
    guard request.handle != nil else { return true }
    var done: CInt = 0
    try check("MPI_Test", cmpi_test(&request, &done))
    if done != 0 { request.handle = nil }
    return done != 0
  }
}

/// Sums over ranks of several machines, in the order of `RankTree`. After the first sum of a size nothing is allocated.
///
/// Small messages go back and forth between pairs of ranks that are further and further apart (recursive doubling); of large ones
/// each rank adds a slice.
final class NetworkSum {
  private unowned let group: MPI
  private let tree: RankTree
  private let own: UnsafeMutableRawBufferPointer
  private let other: UnsafeMutableRawBufferPointer
  /// By the number of values.
  private var sliced: [Int: SlicedSum] = [:]

  /// Bytes of a small message, and values of a piece of a large one.
  private static let small = 1 << 15
  private static let piece = 1 << 20

  init(_ group: MPI) {
    self.group = group
    tree = RankTree(size: group.size)
    own = .allocate(byteCount: Self.small, alignment: 64)
    other = .allocate(byteCount: Self.small, alignment: 64)
  }

  deinit {
    own.deallocate()
    other.deallocate()
  }

  func sum(_ values: UnsafeMutableBufferPointer<Float>, _ sums: UnsafeMutableBufferPointer<Double>) throws {
    if 4 * values.count + 8 * sums.count <= Self.small {
      return try group.entering(.allReduce) { try sumSmall(values, sums) }
    }
    for start in stride(from: 0, to: sums.count, by: Self.small / 8) {
      let part = UnsafeMutableBufferPointer(rebasing: sums[start..<min(start + Self.small / 8, sums.count)])
      try group.entering(.allReduce) { try sumSmall(.init(start: nil, count: 0), part) }
    }
    for start in stride(from: 0, to: values.count, by: Self.piece) {
      let part = UnsafeMutableBufferPointer(rebasing: values[start..<min(start + Self.piece, values.count)])
      let sum = sliced[part.count] ?? SlicedSum(group, count: part.count)
      sliced[part.count] = sum
      try sum.reduceScatter(part)
      try sum.allGather(part)
    }
  }

  private func sumSmall(
    _ values: UnsafeMutableBufferPointer<Float>, _ sums: UnsafeMutableBufferPointer<Double>
  ) throws {
    let (doubles, count) = (8 * sums.count, 8 * sums.count + 4 * values.count)
    if doubles > 0 { own.baseAddress!.copyMemory(from: sums.baseAddress!, byteCount: doubles) }
    if count > doubles {
      (own.baseAddress! + doubles).copyMemory(from: values.baseAddress!, byteCount: count - doubles)
    }
    try double(sums.count, values.count, count)
    if doubles > 0 {
      UnsafeMutableRawPointer(sums.baseAddress!).copyMemory(from: own.baseAddress!, byteCount: doubles)
    }
    if count > doubles {
      UnsafeMutableRawPointer(values.baseAddress!).copyMemory(
        from: own.baseAddress! + doubles, byteCount: count - doubles)
    }
  }

  /// - sums, values: how many of each lie in `count` bytes.
  private func double(_ sums: Int, _ values: Int, _ count: Int) throws {
    let (rank, nothing) = (group.rank, 0)
    guard let place = tree.place(of: rank) else {
      // The left one of the pair adds, and gives back the sum.
      try exchange(count, nothing, with: rank - 1)
      return try exchange(nothing, count, with: rank - 1, intoOwn: true)
    }
    let hasPair = rank < 2 * tree.pairs
    if hasPair {
      try exchange(nothing, count, with: rank + 1)
      addOther(sums, values, isLeft: true)
    }
    var reach = 1
    while reach < tree.left {
      try exchange(count, count, with: tree.rank(at: place ^ reach))
      addOther(sums, values, isLeft: place & reach == 0)
      reach *= 2
    }
    if hasPair { try exchange(count, nothing, with: rank + 1) }
  }

  private func exchange(_ sent: Int, _ received: Int, with peer: Int, intoOwn: Bool = false) throws {
    try group.swap(
      .init(rebasing: own[..<sent]), to: peer, .init(rebasing: (intoOwn ? own : other)[..<received]),
      from: peer)
  }

  /// - isLeft: whether this rank's values come first.
  private func addOther(_ sums: Int, _ values: Int, isLeft: Bool) {
    let (left, right) =
      isLeft ? (own.baseAddress!, other.baseAddress!) : (other.baseAddress!, own.baseAddress!)
    func add<Value: FloatingPoint>(_ type: Value.Type, at offset: Int, _ count: Int) {
      Collective.add(
        UnsafePointer((left + offset).assumingMemoryBound(to: type)),
        UnsafePointer((right + offset).assumingMemoryBound(to: type)), count,
        into: (own.baseAddress! + offset).assumingMemoryBound(to: type))
    }
    add(Double.self, at: 0, sums)
    add(Float.self, at: 8 * sums, values)
  }
}
