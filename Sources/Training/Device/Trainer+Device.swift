import CUDA
import Collective
import Dataset

extension Trainer {
  /// Lets the device compute, where it was chosen or is faster.
  func useDevice(_ processor: Processor) throws {
    let part = equalPart(0, of: min(recipe.train.batchSize, set.count), among: communicator.size).count
    guard let executor = processor.executor else { return }
    do { try recipe.requireDeviceCan(model.architecture) } catch {
      if case .fasterOf = processor { return }
      throw error
    }
    let device = try DeviceTraining(
      executor, run: step, recipe: recipe, part: max(part, largestEvaluation))
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

  /// `cpu`, or the device's name.
  var deviceName: String { step.device?.name ?? "cpu" }

  /// What a checkpoint says about the arithmetic it was made with.
  var kernelFamily: String { step.device == nil ? model.kernels.name : "cuda" }
}
