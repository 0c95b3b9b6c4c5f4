import Diagnostics
import Recurrent

extension Recipe {
  /// Which tensors of `train.init_from` a network would take; nil where the recipe names no file.
  func weightsPlan(for layout: ParameterLayout) throws -> (WeightsPlan, WeightsSource)? {
    guard let path = train.initFrom else { return nil }
    let source = try WeightsSource(path)
    return (try WeightsPlan(source, layout, train), source)
  }

  /// Throws what training would throw about `train.init_from` and `train.freeze`, and reads every value that it would take.
  /// - Returns: what it would take; nil where the recipe names no file.
  package func checkedWeights(for layout: ParameterLayout) throws -> WeightsReport? {
    _ = try FrozenParameters(train.freeze, of: layout)
    guard let (plan, _) = try weightsPlan(for: layout) else { return nil }
    try plan.check()
    return plan.report
  }
}

extension Trainer {
  /// Takes the parameters of `train.init_from` on all ranks, where the recipe names one and nothing is resumed. Rank 0 reads it.
  func startFromWeights() throws {
    guard recipe.train.initFrom != nil else { return }
    let bytes = try communicator.together { () throws -> [UInt8] in
      guard let recorder, let (plan, source) = try recipe.weightsPlan(for: replica.model.layout) else {
        return []
      }
      try plan.fill(replica.model.parameters)
      for skipped in source.skipped { recorder.note("skipped \(skipped.path): \(skipped.reason)") }
      for line in source.state.map({ data.differences(from: $0) }) ?? [] {
        recorder.note("\(source.path): \(line)")
      }
      return [UInt8](try JSON.encoder().encode(plan.report))
    }
    state.weights = try JSON.decoder().decode(
      WeightsReport.self, from: .init(communicator.broadcastBytes(bytes)))
    try communicator.broadcast(UnsafeMutableRawBufferPointer(replica.model.parameters), from: 0)
    // The average begins with the first parameters.
    _ = replica.average?.values.update(fromContentsOf: replica.model.parameters)
    replica.model.parametersChanged()
  }
}
