import Collective

/// How a fast run adds the gradients of its ranks, and who updates which parameters.
final class GradientSum {
  /// The parameters that this rank updates: all, or its slice with `optimizer_sharding`.
  let slice: Range<Int>
  let isSharded: Bool
  /// Whether what is computed now is the last that is added to the gradients.
  var isLastPart = false
  private let group: any Communicator
  private let gradients: UnsafeMutableBufferPointer<Float>
  private let sliced: SlicedSum?
  private let compressed: CompressedSum?
  /// Sends less than all, and the rest later.
  let saving: (any GradientCompression)?
  /// What is summed.
  var batch = SummedBatch()
  /// Of plain sums.
  let reduction: GradientReduction?

  /// - boundaries: where backward ends stretches of gradients, falling.
  /// - saving: sends less than all, where that is asked for.
  init(
    _ settings: DistributedSpecification, _ gradients: UnsafeMutableBufferPointer<Float>, boundaries: [Int],
    saving: (any GradientCompression)? = nil, group: any Communicator
  ) {
    self.saving = saving
    self.group = group
    self.gradients = gradients
    let isAlone = group.size == 1
    isSharded = settings.optimizerSharding && !isAlone
    compressed =
      settings.compress == .bf16 && !isAlone ? CompressedSum(group, count: gradients.count) : nil
    sliced = isSharded ? SlicedSum(group, count: gradients.count) : nil
    slice = sliced?.slice ?? 0..<gradients.count
    let isPlain = settings.reduction == .fast && settings.compress == .none && !isSharded && !isAlone
    reduction = isPlain ? GradientReduction(group, gradients, boundaries: boundaries) : nil
  }

  /// Nothing of the gradients is final yet.
  func begin() { reduction?.begin() }

  func isFinal(from start: Int) { if isLastPart { reduction?.isFinal(from: start) } }

  /// Afterwards `gradients[slice]` holds the sum over all ranks, and `sums` the sums; all in one message where nothing else is
  /// asked for.
  /// - squares: gives a last summand of `sums`, of this rank's slice, where each rank has one of its own.
  func sum(_ sums: UnsafeMutableBufferPointer<Double>, squares: (Range<Int>) -> Void) throws {
    if let reduction { return try reduction.sum(sums) }
    // One rank goes the same way, and on with what more ranks have kept.
    if let saving { return try saving.sum(gradients, sums, of: batch) }
    if group.size == 1 { return }
    if let compressed {
      try compressed.reduceScatter(gradients)
      if !isSharded { try compressed.allGather(gradients) }
    } else {
      try sliced?.reduceScatter(gradients)
    }
    if isSharded { squares(slice) }
    try group.allReduceSum(sums)
  }

  /// Gives all ranks the parameters that others have updated.
  func share(_ parameters: UnsafeMutableBufferPointer<Float>) throws { try sliced?.allGather(parameters) }

  /// The step was taken.
  func commit() { saving?.commit() }

  /// Adds up squares of slices, where each rank has one of its own.
  func addNorms(_ squares: UnsafeMutableBufferPointer<Double>) throws {
    if isSharded { try group.allReduceSum(squares) }
  }

  /// See `GradientReduction`.
  func stepEnded(seconds: Double) throws -> GradientReduction.Choice? {
    try reduction?.stepEnded(seconds: seconds)
  }

  /// When messages travelled beside backward.
  var spans: [(begin: UInt64, end: UInt64)] { reduction?.spans ?? [] }
}
