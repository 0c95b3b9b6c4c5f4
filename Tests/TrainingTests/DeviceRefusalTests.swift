import Dataset
import Devices
import Diagnostics
import TestSupport
import Testing
import Training

/// What only the processor can train is refused before a device is looked for in earnest.
@Suite(.tags(.fast)) struct DeviceRefusalTests {
  /// nil where a device could train it.
  private func refusal(_ overrides: [String]) throws -> String? {
    let run = try TemporaryRun()
    let recipe = try Recipe(
      yaml: run.recipe().effectiveYAML, path: "series.yaml", baseDirectory: run.path, overrides: overrides)
    let shape = try LoadedData(recipe.data).shape
    let network = try recipe.network(for: shape)
    do { try recipe.requireDeviceCan(network, shape) } catch let failure as Failure {
      #expect(failure.kind == .badData && failure.message.hasSuffix("; take it out, or use --device cpu"))
      return String(failure.message.prefix { $0 != ";" })
    }
    return nil
  }

  private static let levels = "loss={name: quantile, levels: [0.1, 0.5, 0.9]}"

  @Test(
    arguments: [
      (["loss=mse"], nil), (["loss=mae"], nil),
      ([levels, "model.head=[{linear: targets}]"], "loss quantile works on the processor only"),
      (
        ["loss=gaussian_nll", "model.head=[{linear: targets}]"],
        "loss gaussian_nll works on the processor only"
      ),
      (["data.weight=g"], "data.weight works on the processor only"),
      (["data.gaps=mask"], "data with targets that are not known works on the processor only"),
      (["distributed.reduction=strict"], "distributed.reduction: strict works on the processor only"),
      (
        ["distributed.coordinator=dedicated"],
        "distributed.coordinator: dedicated works on the processor only"
      ),
      (
        ["distributed.optimizer_sharding=true"],
        "distributed.optimizer_sharding: true works on the processor only"
      ),
      (["distributed.compress=topk"], "distributed.compress: topk works on the processor only"),
      (["distributed.sync_every=9"], "distributed.sync_every works on the processor only"),
      (["model.peepholes=true"], "model.peepholes works on the processor only"),
      (
        ["model.cell=gru", "model.reset_after=false"],
        "model.reset_after: false works on the processor only"
      ),
      (["optimizer=lamb"], "optimizer lamb works on the processor only"),
      (["optimizer=lars"], "optimizer lars works on the processor only"),
      (["train.freeze=['rnn.*']"], "train.freeze works on the processor only"),
      (["distributed.compress=bf16"], "distributed.compress: bf16 works on the processor only"),
    ] as [([String], String?)])
  func isNamedByItsKey(_ overrides: [String], _ text: String?) throws {
    #expect(try refusal(overrides) == text)
  }
}
