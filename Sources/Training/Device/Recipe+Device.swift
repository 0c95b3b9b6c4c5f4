import Diagnostics
import Recurrent

extension Recipe {
  /// Throws where a device can't train this: the processor can do more.
  func requireDeviceCan(_ architecture: Architecture) throws {
    let places = [
      distributed.keyWithoutDevice.map { "distributed.\($0)" },
      architecture.decoder != nil ? "model.decoder" : nil,
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
