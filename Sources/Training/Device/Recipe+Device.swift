import Dataset
import Diagnostics
import Recurrent

extension Recipe {
  /// Throws where a device can't train this: the processor can do more.
  func requireDeviceCan(_ architecture: Architecture, _ set: any SampleSet) throws {
    let places = [
      distributed.keyWithoutDevice.map { "distributed.\($0)" },
      architecture.keyWithoutDevice.map { "model.\($0)" },
      train.keyWithoutDevice.map { "train.\($0)" },
      set.shape.hasEqualLengths && !(set is any StreamedSet)
        ? nil : "data whose sequences are not of one length",
    ]
    guard let place = places.compactMap({ $0 }).first else { return }
    throw Failure.badData("\(place) works on the processor only; take it out, or use --device cpu")
  }
}

extension DistributedSpecification {
  fileprivate var keyWithoutDevice: String? {
    if reduction == .strict { return "reduction: strict" }
    if coordinator == .dedicated { return "coordinator: dedicated" }
    if optimizerSharding { return "optimizer_sharding: true" }
    return compress == .none ? nil : "compress: \(compress.rawValue)"
  }
}

extension Architecture {
  fileprivate var keyWithoutDevice: String? {
    let zones = zoneout.hidden > 0 || zoneout.cell > 0
    let keys = [
      ("embedding", embedding != nil), ("hidden_size with a width for each layer", hiddenSizes != nil),
      ("input_dropout", inputDropout > 0), ("locked_dropout", lockedDropout),
      ("recurrent_dropout", recurrentDropout > 0), ("zoneout", zones), ("proj_size", projectionSize > 0),
      ("layer_norm", layerNorm), ("residual", residual), ("learned_initial_state", learnedInitialState),
    ]
    return keys.first { $0.1 }?.0
  }
}

extension TrainSpecification {
  fileprivate var keyWithoutDevice: String? { clipValue != nil ? "clip_value" : ema != nil ? "ema" : nil }
}
