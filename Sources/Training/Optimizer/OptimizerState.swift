import Collective

/// The optimizer's buffers at full length, as checkpoints have them, wherever ranks keep only slices.
///
/// Without sharding they are the optimizer's own. With it, the first worker has room for all, filled by `gather`.
final class OptimizerState {
  /// On the first worker, and without sharding everywhere; else empty.
  let whole: [Optimizer.StateBuffer]
  private let optimizer: Optimizer
  private let sliced: SlicedSum?
  private let count: Int
  private let group: any Communicator

  /// - sum: says which slice this rank has. group: of the ranks that have slices.
  init(_ optimizer: Optimizer, _ sum: GradientSum, count: Int, group: any Communicator) {
    self.optimizer = optimizer
    self.count = count
    self.group = group
    sliced = sum.isSharded ? SlicedSum(group, count: count) : nil
    whole =
      sliced == nil
      ? optimizer.buffers
      : group.rank == 0
        ? optimizer.buffers.map { Optimizer.StateBuffer(name: $0.name, values: .allocate(capacity: count)) }
        : []
  }

  deinit { if sliced != nil { for buffer in whole { buffer.values.deallocate() } } }

  /// Brings all slices to the first worker, before a checkpoint. All workers call it.
  func gather() throws {
    guard let sliced else { return }
    let mine = sliced.slice.inBytes
    let nothing = [Range<Int>](repeating: 0..<0, count: group.size)
    var outgoing = nothing
    outgoing[0] = 0..<mine.count
    let incoming = group.rank == 0 ? sliced.slices.map(\.inBytes) : nothing
    for (index, buffer) in optimizer.buffers.enumerated() {
      let target =
        whole.isEmpty ? UnsafeMutableBufferPointer<Float>(start: nil, count: 0) : whole[index].values
      try group.exchange(.init(buffer.values), outgoing, into: .init(target), incoming)
    }
  }

  /// Gives every rank what rank 0 of `all` has read from a checkpoint. All ranks call it.
  func broadcast(_ all: any Communicator) throws {
    let scratch = UnsafeMutableBufferPointer<Float>.allocate(capacity: sliced == nil ? 0 : count)
    defer { scratch.deallocate() }
    for (index, buffer) in optimizer.buffers.enumerated() {
      let values = whole.isEmpty ? scratch : whole[index].values
      try all.broadcast(.init(values), from: 0)
      if let sliced { _ = buffer.values.update(fromContentsOf: values[sliced.slice]) }
    }
  }
}
