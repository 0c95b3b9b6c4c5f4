import CMPI

extension MPI {
  package func allReduceSum(
    _ values: UnsafeMutableBufferPointer<Float>, _ sums: UnsafeMutableBufferPointer<Double>
  ) throws {
    guard size > 1 else { return }
    try allSums().sum(values, sums, sharesMemory: sharesMemory)
  }

  /// In memory and by messages.
  func addGradients(
    _ values: UnsafeMutableBufferPointer<Float>, _ sums: UnsafeMutableBufferPointer<Double>
  ) throws {
    guard size > 1 else { return }
    try allSums().sum(values, sums, sharesMemory: sharesMemory, keepsRankOrder: false)
  }

  /// Which ranks share a machine. All ranks make this call.
  package func placement() throws -> Placement { try allSums().placement }

  /// Whether `allReduceSum` adds within each of several machines before it sends. All ranks make this call.
  func addsByMachine() throws -> Bool {
    guard size > 1, sharesMemory else { return false }
    return try allSums().addsByMachine
  }

  private func allSums() throws -> Sums {
    if let sums { return sums }
    let made = try Sums(self)
    sums = made
    return made
  }

  /// Gives `out` to one rank and takes `into` from another; either may be empty, and then nobody need be there.
  func swap(_ out: UnsafeRawBufferPointer, to: Int, _ into: UnsafeMutableRawBufferPointer, from: Int) throws {
    var requests = (cmpi_request(handle: nil), cmpi_request(handle: nil))
    if !into.isEmpty {
      try check(
        "MPI_Irecv",
        cmpi_start_receive(group, into.baseAddress!, CInt(into.count), CInt(from), 0, &requests.0))
    }
    if !out.isEmpty {
      try check(
        "MPI_Isend", cmpi_start_send(group, out.baseAddress!, CInt(out.count), CInt(to), 0, &requests.1))
    }
    try patience.wait {
      try isDone(&requests.0) && isDone(&requests.1)
    }
  }

  func isDone(_ request: inout cmpi_request) throws -> Bool {
    guard request.handle != nil else { return true }
    var done: CInt = 0
    try check("MPI_Test", cmpi_test(&request, &done))
    if done != 0 { request.handle = nil }
    return done != 0
  }
}

/// The ways in which a group adds. All ranks make it at the same time.
final class Sums {
  let placement: Placement
  /// Where all ranks share a machine, and where they share several; nil where ranks of a machine can't share memory.
  private let machine: MachineSum?
  private let hierarchical: HierarchicalSum?
  /// From each rank to each: as if none shared a machine.
  private lazy var flat = HierarchicalSum(group, apart: group.size)
  private unowned let group: MPI
  private let keepsRankOrder: Bool

  init(_ group: MPI) throws {
    self.group = group
    placement = try group.findPlacement()
    keepsRankOrder = placement.keepsRankOrder
    machine = try MachineSum(group, placement)
    hierarchical = try HierarchicalSum(group, placement)
  }

  /// In the order of the tree of all ranks.
  var addsByMachine: Bool { keepsRankOrder && hierarchical != nil }

  /// - keepsRankOrder: whether the order of additions must be that of the `RankTree` of all ranks.
  func sum(
    _ values: UnsafeMutableBufferPointer<Float>, _ sums: UnsafeMutableBufferPointer<Double>,
    sharesMemory: Bool, keepsRankOrder isAsked: Bool = true
  ) throws {
    if sharesMemory, let machine { return group.entering(.allReduce) { machine.sum(values, sums) } }
    let isPlaced = sharesMemory && (keepsRankOrder || !isAsked)
    try (isPlaced ? hierarchical ?? flat : flat).sum(values, sums)
  }
}

extension HierarchicalSum {
  /// Of a group on several machines, some of which have several ranks; nil on other groups, and where ranks of a machine can't share memory.
  /// All ranks make this call.
  convenience init?(_ group: MPI, _ placement: Placement) throws {
    guard placement.machines.count > 1, placement.machines.count < group.size else { return nil }
    let (machine, place) = placement.place(of: group.rank)
    let (ranks, slot) = (placement.machines[machine].count, Self.pieceBytes(placement))
    let bytes = LocalSlots.bytes(ranks: ranks, slotBytes: slot, turns: Self.turns)
    guard let memory = try group.sharedMemory(placement, bytes: bytes) else { return nil }
    self.init(
      group, placement,
      LocalSlots(memory, place: place, count: ranks, slotBytes: slot, turns: Self.turns))
  }

  convenience init(_ group: MPI, apart size: Int) {
    self.init(
      group, .apart(size), LocalSlots(nil, place: 0, count: 1, slotBytes: Self.small, turns: Self.turns))
  }
}

extension MPI {
  fileprivate func findPlacement() throws -> Placement {
    if let firsts = pretendedMachines { return Placement(firsts: firsts) }
    var (own, firsts) = (CInt(firstLocalRank), [CInt](repeating: 0, count: size))
    try entering(.allGather) {
      try check(
        "MPI_Allgather", cmpi_all_gather(group, &own, CInt(MemoryLayout<CInt>.size), &firsts))
    }
    return Placement(firsts: firsts.map(Int.init))
  }
}
