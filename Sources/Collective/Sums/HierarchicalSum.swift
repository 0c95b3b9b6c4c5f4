import Diagnostics

/// Sums over ranks of several machines: in shared memory within each, by messages between ranks of equal place in them, in shared memory
/// again. So only what other machines need leaves a machine. After the first sum of a size nothing is allocated.
///
/// A message travels in pieces, several at a time: while one is on its way, the next is added within the machine. A small one is the
/// first rank's of each machine; of large ones each rank has a slice.
final class HierarchicalSum {
  private unowned let group: MPI
  private let local: LocalSlots
  /// Ranks of each machine that send messages.
  private let speakers: Int
  private let localTree: RankTree
  /// Of each turn; none on a rank that sends no messages.
  private let slices: [SliceSum]
  private let pieceBytes: Int
  private var cut = PieceCut()

  /// Bytes of a message that is not cut.
  static let small = 1 << 15
  /// Pieces that are on their way at the same time.
  static let turns = 4

  /// - local: the slots of this rank's machine.
  init(_ group: MPI, _ placement: Placement, _ local: LocalSlots) {
    self.group = group
    self.local = local
    let (machine, place) = placement.place(of: group.rank)
    localTree = RankTree(size: placement.machines[machine].count)
    let speakers = placement.speakers
    self.speakers = speakers
    let pieceBytes = Self.pieceBytes(placement)
    self.pieceBytes = pieceBytes
    let tree = RankTree(size: placement.machines.count)
    slices =
      place >= speakers
      ? []
      : (0..<Self.turns).map { turn in
        SliceSum(
          group, members: placement.machines.map { $0[place] }, member: machine, tree: tree, number: turn,
          longest: max(Self.small, pieceBytes / speakers + 8))
      }
  }

  /// Bytes of a piece: large enough that a message is worth its head, small enough for what many ranks have in shared memory.
  static func pieceBytes(machines: Int, speakers: Int) -> Int {
    max(min(1 << 23 / speakers, 1 << 20), 1 << 18, min(speakers * machines << 14, 1 << 21))
  }

  static func pieceBytes(_ placement: Placement) -> Int {
    pieceBytes(machines: placement.machines.count, speakers: placement.speakers)
  }

  /// Leaves the sums in place on every rank.
  func sum(_ values: UnsafeMutableBufferPointer<Float>, _ sums: UnsafeMutableBufferPointer<Double>) throws {
    cut = PieceCut(values, sums, small: Self.small, piece: pieceBytes)
    guard cut.count > 0 else { return }
    try group.entering(.allReduce) {
      while local.taken < cut.count { try group.patience.wait(cost: 16) { try advance() } }
    }
    local.nextMessage()
  }

  /// Does what can be done now.
  /// - Returns: whether anything could.
  private func advance() throws -> Bool {
    var hasMoved = false
    if local.given < cut.count, local.canGive(turns: Self.turns) {
      give(cut[local.given])
      hasMoved = true
    }
    if !slices.isEmpty { hasMoved = try addSlices() || hasMoved }
    let isSpeaking = !slices.isEmpty && !cut.isWhole
    if local.taken < (isSpeaking ? local.added : local.given), local.isAdded(by: cut.isWhole ? 1 : speakers) {
      take(cut[local.taken])
      hasMoved = true
    }
    return hasMoved
  }

  /// This rank's slices: added within the machine once all have given, then between machines.
  private func addSlices() throws -> Bool {
    if cut.isWhole && local.place > 0 {
      local.skipAdding()
      return false
    }
    var hasMoved = false
    if local.begun < local.given, local.isGiven {
      try begin(cut[local.begun])
      hasMoved = true
    }
    for index in local.added..<local.begun {
      hasMoved = try slices[turn(index)].advance() || hasMoved
    }
    while local.added < local.begun, slices[turn(local.added)].isFinished {
      local.tellAdded()
      hasMoved = true
    }
    return hasMoved
  }

  private func turn(_ index: Int) -> Int { local.turn(index, of: Self.turns) }

  private func give(_ piece: PieceCut.Piece) {
    if piece.isWhole || local.count > 1 {
      let slot = slot(local.given, local.place)
      if let sums = piece.sums.baseAddress {
        slot.copyMemory(from: sums, byteCount: 8 * piece.sums.count)
      }
      if let values = piece.values.baseAddress {
        (slot + 8 * piece.sums.count).copyMemory(from: values, byteCount: 4 * piece.values.count)
      }
    }
    local.tellGiven()
  }

  private func begin(_ piece: PieceCut.Piece) throws {
    let index = local.begun
    let slice = piece.slice(local.place, of: speakers)
    let base = own(piece, index) + slice.offset
    if local.count > 1 {
      func add<Value: FloatingPoint>(_ type: Value.Type, at offset: Int, _ count: Int) {
        localTree.sum(count, into: (base + offset).assumingMemoryBound(to: type)) {
          UnsafePointer((slot(index, $0) + slice.offset + offset).assumingMemoryBound(to: type))
        }
      }
      let doubles = slice.layout.width == 8 ? slice.layout.count : slice.layout.doubles
      let floats = slice.layout.width == 8 ? 0 : slice.layout.count - 2 * doubles
      if doubles > 0 { add(Double.self, at: 0, doubles) }
      if floats > 0 { add(Float.self, at: 8 * doubles, floats) }
    }
    local.begun += 1
    try slices[turn(index)].begin(base, slice.layout)
  }

  private func take(_ piece: PieceCut.Piece) {
    let index = local.taken
    if piece.isWhole {
      let slot = slot(index, 0)
      if let sums = piece.sums.baseAddress {
        UnsafeMutableRawPointer(sums).copyMemory(from: slot, byteCount: 8 * piece.sums.count)
      }
      if let values = piece.values.baseAddress {
        UnsafeMutableRawPointer(values).copyMemory(
          from: slot + 8 * piece.sums.count, byteCount: 4 * piece.values.count)
      }
    } else if local.count > 1 {
      for speaker in 0..<speakers {
        let slice = piece.slice(speaker, of: speakers)
        (piece.base + slice.offset).copyMemory(
          from: slot(index, speaker) + slice.offset, byteCount: slice.layout.count * slice.layout.width)
      }
    }
    local.tellTaken()
  }

  private func slot(_ index: Int, _ place: Int) -> UnsafeMutableRawPointer {
    local.slot(turn(index), place)
  }

  /// Where this rank's part of a piece is added: alone on its machine, where it lies.
  private func own(_ piece: PieceCut.Piece, _ index: Int) -> UnsafeMutableRawPointer {
    piece.isWhole || local.count > 1 ? slot(index, local.place) : piece.base
  }
}

extension Placement {
  /// Ranks of each machine that send messages to others: as many as the smallest has.
  var speakers: Int { machines.map(\.count).min()! }
}
