import CUDA
import Collective
import Dataset

extension Trainer {
  /// Lets the device compute, where it was chosen or is faster.
  func useDevice(_ processor: Processor, _ options: TrainingOptions) throws {
    let part = equalPart(0, of: min(recipe.train.batchSize, set.count), among: communicator.size).count
    guard let executor = processor.executor else { return }
    do { try recipe.requireDeviceCan(model.architecture, set.shape) } catch {
      if case .fasterOf = processor { return }
      throw error
    }
    let device = try DeviceTraining(
      executor, run: step, recipe: recipe, part: part, capacity: max(part, largestEvaluation),
      options: options)
    if case .fasterOf = processor {
      order.write(epoch: state.epoch, into: samples)
      guard try device.isFaster(UnsafeBufferPointer(rebasing: samples[..<min(part, set.count)])) else {
        return
      }
    }
    step.device = device
    evaluator.device = device
  }

  /// Samples that are evaluated at once.
  private var largestEvaluation: Int {
    if set is any StreamedSet { return StepPlan.evaluationStreams }
    let largest = [set, data.validation, data.test].compactMap { $0?.count }.max() ?? 0
    return min(Evaluator.batchSize, largest)
  }

  /// Lets the device take steps of the epoch before they are asked for. Not where tests change parameters between steps.
  func lookAhead(_ rate: Double) {
    let schedule = state.schedule
    step.device?.ahead =
      faults == nil
      ? StepsAhead(samples: UnsafeBufferPointer(samples), batch: recipe.train.batchSize) {
        rate * schedule.warmup(step: $0)
      } : nil
  }

  /// Tells which engine computes, and how it was chosen.
  func noteEngine() throws {
    guard let choice = step.device?.engine else { return }
    try log?.tell(MetricsLine.engine(choice), note: "\(choice)")
  }

  /// `cpu`, or the device's name.
  var deviceName: String { step.device?.name ?? "cpu" }

  /// What a checkpoint says about the arithmetic it was made with.
  var kernelFamily: String { step.device == nil ? model.kernels.name : "cuda" }
}
