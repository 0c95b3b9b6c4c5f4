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
  /// - samples: of the batch of all ranks.
  func sum(
    _ gradients: UnsafeMutableBufferPointer<Float>, _ sums: UnsafeMutableBufferPointer<Double>, samples: Int
  ) throws
  /// The step was taken. Without this call nothing has changed.
  func commit()
  /// What this rank keeps.
  var kept: [RankStates.OwnBuffer] { get }
  /// What all ranks have alike, with what a checkpoint puts before the parameters' names.
  var shared: [(prefix: String, values: UnsafeMutableBufferPointer<Float>)] { get }
}

/// A buffer of the layout's length that changes at the end of a step that was taken.
final class KeptBuffer {
  let values: UnsafeMutableBufferPointer<Float>
  /// Takes the place of the values.
  let next: UnsafeMutableBufferPointer<Float>
  private let memory: FloatBuffer
  private let nextMemory: FloatBuffer

  init(_ count: Int) {
    memory = FloatBuffer(count)
    nextMemory = FloatBuffer(count)
    (values, next) = (memory.all, nextMemory.all)
  }

  func commit() { _ = values.update(fromContentsOf: next) }
}

extension DistributedSpecification {
  /// What sends less than all gradients, where that is asked for.
  func compression(
    _ layout: ParameterLayout, frozen: FrozenParameters, seed: UInt64, kernels: KernelSet,
    group: any Communicator
  ) -> (any GradientCompression)? {
    switch compress {
    case .none, .bf16, .int8, .int4: nil
    case .powersgd:
      LowRankSum(layout, frozen: frozen, rank: powerRank, seed: seed, kernels: kernels, group: group)
    case .topk:
      TopSum(layout, frozen: frozen, share: topShare, momentum: topMomentum, group: group)
    }
  }
}
