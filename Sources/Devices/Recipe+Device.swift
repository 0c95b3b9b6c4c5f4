import Batches
import CUDA
import Dataset
import Diagnostics
import Recurrent
import Training

extension Recipe {
  /// Throws where a device can't train this: the processor can do more.
  package func requireDeviceCan(_ network: Network, _ shape: SampleShape) throws {
    let places = [
      loss.hasProgram ? nil : "loss \(loss.name)",
      optimizer.hasProgram ? nil : "optimizer \(optimizer.name)", shape.hasWeights ? "data.weight" : nil,
      shape.hasUnknownTargets ? "data with targets that are not known" : nil,
      distributed.keyWithoutDevice.map { "distributed.\($0)" },
      network.decoder != nil ? "model.decoder" : nil, network.cellKeyWithoutProgram,
      train.freeze.isEmpty ? nil : "train.freeze",
    ]
    guard let place = places.compactMap({ $0 }).first else { return }
    throw Failure.badData("\(place) works on the processor only; take it out, or use --device cpu")
  }

  /// What is asked of a device.
  /// - capacity: the most samples of a micro-batch; resident: of the data set in device memory.
  package func devicePlan(
    _ network: Network, _ shape: SampleShape, capacity: Int, resident: Int = 0
  ) -> StepPlan {
    var plan = StepPlan(
      network, loss: loss, rule: optimizer.deviceRule, steps: shape.steps, capacity: capacity,
      resident: resident)
    plan.hasLengths = !shape.hasEqualLengths
    // A stream for each row of a batch.
    plan.streams = data.format == .text ? train.batchSize : 0
    plan.averages = train.ema != nil
    return plan
  }
}

extension DistributedSpecification {
  fileprivate var keyWithoutDevice: String? {
    if reduction == .strict { return "reduction: strict" }
    if coordinator == .dedicated { return "coordinator: dedicated" }
    if syncEvery != nil { return "sync_every" }
    if optimizerSharding { return "optimizer_sharding: true" }
    return compress == .none ? nil : "compress: \(compress.rawValue)"
  }
}
