import Collective
import Dataset
import Recurrent

extension Trainer {
  /// Lets a device compute, where it was chosen or is faster.
  func useDevice(_ processor: Processor) throws {
    guard let makeDevice = processor.makeDevice else { return }
    let part = equalPart(0, of: min(recipe.train.batchSize, set.count), among: communicator.size).count
    samples.draw(epoch: state.epoch)
    let device = try makeDevice(
      DeviceTask(
        recipe: recipe, step: replica.step, part: part, capacity: max(part, largestEvaluation),
        samples: UnsafeBufferPointer(rebasing: samples.all[..<min(part, set.count)])))
    replica.step.device = device
    evaluator.device = device
  }

  /// Samples that are evaluated at once.
  private var largestEvaluation: Int {
    if set is any StreamedSet { return StreamStates.evaluated }
    let largest = [set, data.validation, data.test].compactMap { $0?.count }.max() ?? 0
    return min(Evaluator.batchSize, largest)
  }

  /// Lets the device take steps of the epoch before they are asked for. Not where tests change parameters between steps.
  func lookAhead(_ rate: Double) {
    let schedule = state.schedule
    replica.step.device?.ahead =
      faults == nil
      ? StepsAhead(samples: samples.all, batch: recipe.train.batchSize) {
        rate * schedule.warmup(step: $0)
      } : nil
  }

  /// Tells which engine computes, and how it was chosen.
  func emitEngine() throws {
    if let engine = replica.step.device?.engine { try log?.emit(.engine(engine)) }
  }
}
