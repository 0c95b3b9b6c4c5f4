import Collective
import Kernels
import Recipes
import Recurrent

/// A sum of gradients over ranks for which less travels than all of them. What was left out of a step is added to the next one (error
/// feedback): nothing is lost, it comes later.
///
/// Errors are those of a mean, per sample of a batch, so that a batch that is smaller than the one before gets no more of them than its share.
protocol GradientCompression: AnyObject {
  /// Leaves the sums of gradients, as far as they travelled, and of `sums` in place, the same on every rank.
  func sum(
    _ gradients: UnsafeMutableBufferPointer<Float>, _ sums: UnsafeMutableBufferPointer<Double>,
    of batch: SummedBatch
  ) throws
  /// Whether each rank's gradients are clipped before they are kept, in place of what arrives.
  var clips: Bool { get }
  /// The step was taken. Without this call nothing has changed.
  func commit()
  /// What this rank keeps.
  var kept: [RankStates.OwnBuffer] { get }
  /// What all ranks have alike, with what a checkpoint puts before the parameters' names.
  var shared: [(prefix: String, values: UnsafeMutableBufferPointer<Float>)] { get }
}

/// What is known of a batch before its gradients are summed.
struct SummedBatch {
  var epoch = 0
  /// Of all ranks.
  var samples = 1
  /// What this rank's gradients are sums of: see `Loss.Total`.
  var ownWeight = 0.0
}

extension DistributedSpecification {
  /// What sends less than all gradients, where that is asked for.
  func compression(
    _ layout: ParameterLayout, frozen: FrozenParameters, limits: GradientLimits, seed: UInt64,
    kernels: KernelSet, group: any Communicator
  ) -> (any GradientCompression)? {
    switch compress {
    case .none, .bf16, .int8, .int4: nil
    case .powersgd:
      LowRankSum(layout, frozen: frozen, rank: powerRank, seed: seed, kernels: kernels, group: group)
    case .topk:
      TopSum(layout, frozen: frozen, self, limits: limits, kernels: kernels, group: group)
    }
  }
}
