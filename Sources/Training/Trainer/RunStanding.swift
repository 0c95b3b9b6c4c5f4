import Checkpoints
import Kernels

/// Where a run stands between two steps: all of it that is not a tensor.
struct RunStanding {
  /// What a run as a whole has of each.
  struct Sizes {
    var epochs: Int
    var batch: Int
    var samples: Int
  }

  var state: RunState
  /// Steps that the optimizer took: Adam's t.
  var updates: Int
  var meter: RunMeter
  /// Of the epoch.
  var times: RankTimes
  var sizes: Sizes
  var kernelFamily: String
  /// What a BLAS computes; nil where nothing is.
  var products: ProductChoices?
  /// What of MPI adds gradients; nil where nothing is.
  var sums: SumChoice?

  /// For people.
  var progress: TrainingProgress {
    TrainingProgress(
      epoch: state.epoch, epochs: sizes.epochs, step: (state.position + sizes.batch - 1) / sizes.batch,
      steps: (sizes.samples + sizes.batch - 1) / sizes.batch, loss: state.sums.meanLoss,
      samplesPerSecond: meter.epochSamplesPerSecond,
      timeLeft: meter.timeLeft((sizes.epochs - state.epoch) * sizes.samples - state.position))
  }

  /// For a checkpoint.
  /// - template: what does not change during the run.
  func checkpointState(_ template: CheckpointState) -> CheckpointState {
    var saved = template
    state.store(in: &saved)
    saved.optimizer.t = updates
    saved.kernelFamily = kernelFamily
    saved.products = products
    saved.sums = sums
    saved.elapsedSeconds = state.earlierSeconds + meter.seconds
    return saved
  }
}
