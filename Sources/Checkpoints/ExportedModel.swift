import Dataset
import Diagnostics

/// What an exported file says besides its tensors, under these names: what another program needs to build the network, and to go
/// from the values of a data file to numbers and back. `recipe` is YAML, `program` the version that trained it, all else JSON;
/// what a model has not is left out.
package struct ExportedModel {
  package let metadata: [(key: String, value: String)]
  /// What there may be, in this order.
  package static let keys = ["recipe", "scaler", "vocabulary", "classes", "categories", "program"]

  package init(_ state: CheckpointState) throws(Failure) {
    var metadata = [("recipe", state.recipe)]
    if state.scaler != .null {
      metadata.append(("scaler", JSON.text(of: Self.scaler(try Self.scaler(state)))))
    }
    let lists = [
      ("vocabulary", state.extra["vocabulary"]),
      ("classes", state.classNames.map { JSONValue(encoding: $0) }),
      ("categories", state.extra["categories"]),
    ]
    metadata += lists.compactMap { key, list in list.map { (key, JSON.text(of: $0)) } }
    metadata.append(("program", state.program))
    self.metadata = metadata
  }

  private static func scaler(_ state: CheckpointState) throws(Failure) -> Scaler {
    try state.scaler.decode(as: Scaler.self, in: "scaler")
  }

  /// The scaler with the formulas that its numbers belong to.
  private static func scaler(_ scaler: Scaler) -> JSONValue {
    guard case .object(var fields) = JSONValue(encoding: scaler) else { preconditionFailure("a structure") }
    let formulas =
      switch scaler.method {
      case .minmax: ["scaled = value * scale + offset", "value = (scaled - offset) / scale"]
      case .standard: ["scaled = (value - offset) / scale", "value = scaled * scale + offset"]
      }
    fields["formula"] = .array(formulas.map { .string($0) })
    return .object(fields)
  }
}

extension JSON {
  package static func text(of value: JSONValue) -> String {
    // Fails only for types that refuse to be encoded: an error of the program.
    String(decoding: try! encoder().encode(value), as: UTF8.self)
  }
}

extension CheckpointState {
  private static let exportedKey = "exported"

  /// Whether the file holds a model alone: there is nothing that a run could go on with.
  var isExported: Bool { extra[Self.exportedKey] == .boolean(true) }

  /// The same in a file of a model alone.
  var exported: CheckpointState {
    var state = self
    state.extra[Self.exportedKey] = .boolean(true)
    return state
  }
}

extension CheckpointFile {
  /// Whether it holds a model alone, as `recur export` writes it: no run goes on from it.
  public var isExported: Bool { state.isExported }

  /// What stands before the names of the parameters that are evaluated: averages where the recipe has such, under their own name;
  /// an exported file has them as the model's.
  package func evaluatedPrefix(_ recipe: Recipe) -> String {
    recipe.train.ema == nil || isExported ? "" : Self.averagePrefix
  }
}
