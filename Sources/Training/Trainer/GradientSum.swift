import Collective

/// How a fast run adds the gradients of its ranks, and who updates which parameters.
final class GradientSum {
  /// The parameters that this rank updates: all, or its slice with `optimizer_sharding`.
  let slice: Range<Int>
  let isSharded: Bool
  private let group: any Communicator
  private let sliced: SlicedSum?
  private let compressed: CompressedSum?

  init(_ settings: DistributedSpecification, count: Int, group: any Communicator) {
    self.group = group
    let isAlone = group.size == 1
    isSharded = settings.optimizerSharding && !isAlone
    compressed = settings.compress == .bf16 && !isAlone ? CompressedSum(group, count: count) : nil
    sliced = isSharded ? SlicedSum(group, count: count) : nil
    slice = sliced?.slice ?? 0..<count
  }

  /// Afterwards `gradients[slice]` holds the sum over all ranks.
  func sum(_ gradients: UnsafeMutableBufferPointer<Float>) throws {
    if group.size == 1 { return }
    if let compressed {
      try compressed.reduceScatter(gradients)
      if !isSharded { try compressed.allGather(gradients) }
    } else if let sliced {
      try sliced.reduceScatter(gradients)
    } else {
      try group.allReduceSum(gradients)
    }
  }

  /// Gives all ranks the parameters that others have updated.
  func share(_ parameters: UnsafeMutableBufferPointer<Float>) throws { try sliced?.allGather(parameters) }
}
