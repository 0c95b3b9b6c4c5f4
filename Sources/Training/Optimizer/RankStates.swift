import Collective
import Diagnostics

/// What each rank that trains keeps for itself, one number for each parameter, and where a checkpoint has it: of the first rank under its own
/// names, of rank 1 under `optimizer.rank1.` and the same names, and so on.
///
/// The first worker, and a coordinator that saves for it, have room for all.
final class RankStates {
  /// A buffer of this rank.
  struct OwnBuffer {
    let name: String
    let values: UnsafeMutableBufferPointer<Float>
    /// What ranks hold together, such as what they have not sent yet; else each holds a value of its own.
    var isShare = false
    /// Whether the first rank's is the optimizer's own, which is kept as that of all ranks would be.
    var isOptimizers = false
  }

  /// Of this rank.
  private let own: [OwnBuffer]
  /// Of the other ranks where there is room for all: first of rank 1, one after the other.
  private let others: [OwnBuffer]
  /// The ranks that train.
  private let group: any Communicator
  private let ranks: Int

  /// - ranks: how many train.
  /// - keepsAll: whether this rank has room for all.
  init(_ own: [OwnBuffer], ranks: Int, keepsAll: Bool, group: any Communicator) {
    (self.own, self.ranks, self.group) = (own, ranks, group)
    others =
      keepsAll
      ? (1..<max(1, ranks)).flatMap { rank in
        own.map {
          let values = UnsafeMutableBufferPointer<Float>.allocate(capacity: $0.values.count)
          values.initialize(repeating: 0)
          return OwnBuffer(name: Self.name($0.name, of: rank), values: values)
        }
      } : []
  }

  deinit { for buffer in others { buffer.values.deallocate() } }

  private static func name(_ name: String, of rank: Int) -> String {
    rank == 0 ? name : "rank\(rank).\(name)"
  }

  /// All but the first rank's optimizer, as checkpoints and messages have them.
  var buffers: [(prefix: String, values: UnsafeMutableBufferPointer<Float>)] {
    (own.filter { !$0.isOptimizers } + others).map { ("optimizer.\($0.name).", $0.values) }
  }

  private func values(_ index: Int, of rank: Int) -> UnsafeMutableBufferPointer<Float> {
    rank == 0 ? own[index].values : others[(rank - 1) * own.count + index].values
  }

  /// Brings all to the first worker, before a checkpoint. All that train call it.
  func gather() throws {
    for index in own.indices {
      for rank in 1..<max(1, group.size) {
        try group.move(from: rank, to: 0, own[index].values) { values(index, of: rank) }
      }
    }
  }

  /// Gives each worker what rank 0 of `all` has read from a checkpoint. All ranks call it.
  func scatter(_ all: any Communicator) throws {
    // Rank 0 may be a coordinator that does not train.
    let first = all.size - ranks
    for index in own.indices {
      for rank in 0..<ranks where rank + first != 0 {
        try all.move(from: 0, to: rank + first, own[index].values) { values(index, of: rank) }
      }
    }
  }

  /// Takes what a checkpoint has of this many ranks, in place of what it would have of these: each rank begins with the mean of all, or
  /// with an equal part of what they hold together.
  /// - read: fills a buffer with what the checkpoint has under a name.
  func fill(
    of saved: Int, _ read: (_ name: String, UnsafeMutableBufferPointer<Float>) throws -> Void
  ) throws {
    for (index, buffer) in own.enumerated() {
      let (count, target) = (buffer.values.count, buffer.values)
      let part = UnsafeMutableBufferPointer<Float>.allocate(capacity: count)
      defer { part.deallocate() }
      var sum = [Double](repeating: 0, count: count)
      for rank in 0..<saved {
        try read(Self.name(buffer.name, of: rank), part)
        for i in 0..<count { sum[i] += Double(part[i]) }
      }
      let divisor = Double(buffer.isShare ? ranks : saved)
      for i in 0..<count { target[i] = Float(sum[i] / divisor) }
      for rank in 1..<max(1, ranks) { _ = values(index, of: rank).update(fromContentsOf: target) }
    }
  }
}

extension Communicator {
  /// Sends floats from one rank to another; all ranks make the call.
  /// - own: what the rank that is not 0 sends or gets. kept: the same on rank 0.
  fileprivate func move(
    from sender: Int, to receiver: Int, _ own: UnsafeMutableBufferPointer<Float>,
    _ kept: () -> UnsafeMutableBufferPointer<Float>
  ) throws {
    let nothing = [Range<Int>](repeating: 0..<0, count: size)
    var (outgoing, incoming) = (nothing, nothing)
    let values = [sender, receiver].contains(rank) ? rank == 0 ? kept() : own : .init(start: nil, count: 0)
    let bytes = UnsafeMutableRawBufferPointer(values)
    if rank == sender { outgoing[receiver] = 0..<bytes.count }
    if rank == receiver { incoming[sender] = 0..<bytes.count }
    try exchange(.init(bytes), outgoing, into: bytes, incoming)
  }
}

/// What a checkpoint says of ranks that take steps by themselves or keep something of their own, besides tensors.
struct RankUpdates: Codable, Equatable {
  /// Steps that each rank's optimizer took.
  var updates: [Int]
  /// Steps that all took together after their rounds.
  var rounds = 0
}
