import Batches
import Dataset
import Diagnostics
import Exchange
import Files
import Recurrent

extension CheckpointedModel {
  /// Writes what is evaluated as a network of ONNX, with what `ExportedModel` says as its metadata and the names of what goes in and
  /// comes out.
  /// - raw: whether numbers go in and come out as the network has them, without scales.
  public func exportONNX(to path: String, raw: Bool = false) throws {
    try exportONNX(to: OutputFile(path, option: "the network"), raw: raw)
  }

  package func exportONNX(to output: OutputFile, raw: Bool) throws {
    if recipe.data.format == .pairs { throw NetworkGraph.unwrittenDecoder }
    let interface = try onnxInterface(raw: raw)
    let model = try model(for: shapeOfTensors())
    let metadata = try ExportedModel(file.state).metadata + onnxMetadata(interface, raw: raw)
    let written = try NetworkGraph.model(
      model.network, model.layout, UnsafeBufferPointer(model.parameters), interface, metadata: metadata)
    try written.bytes.withUnsafeBufferPointer { bytes in try output.write(UnsafeRawBufferPointer(bytes)) }
    try output.close()
  }

  private func onnxInterface(raw: Bool) throws -> ModelInterface {
    var interface = ModelInterface()
    interface.hasLengths = recipe.data.mayHaveLengths && !recipe.model.network.needsEqualLengths
    interface.carriesStates = recipe.data.format == .text
    interface.targetNames = targetNames
    if raw { return interface }
    for (key, isGiven) in [
      ("relative", recipe.data.isRelative), ("scale_per", recipe.data.scalePer == .series),
    ] where isGiven {
      throw Failure.badData(
        "\(path): with data.\(key) numbers depend on more than what the network reads, and ONNX can't have that inside; add --raw for the network alone"
      )
    }
    (interface.scaler, interface.loss) = (scaler, recipe.loss)
    return interface
  }

  /// What each input and output is, as lists of JSON; what has no names is left out.
  private func onnxMetadata(_ interface: ModelInterface, raw: Bool) -> [(key: String, value: String)] {
    let lists = [
      ("features", recipe.data.format == .csv && recipe.data.text == nil ? recipe.data.inputNames : []),
      ("categorical", recipe.data.categorical), ("targets", targetNames),
      ("outputs", interface.outputNames ?? []),
    ]
    return lists.filter { !$0.1.isEmpty }.map { ($0, JSON.text(of: JSONValue(encoding: $1))) }
      + [("raw", raw ? "true" : "false")]
  }

  private var targetNames: [String] {
    guard !recipe.loss.takesClasses else { return [] }
    let count = outputs / recipe.loss.outputsPerTarget
    let names = recipe.data.targetColumnNames
    return names.count == count ? names : (0..<count).map(String.init)
  }
}

/// What samples look like, as far as a network needs it, from its tensors instead of data.
extension CheckpointedModel {
  private func size(_ name: String, _ axis: Int) -> Int? {
    guard let tensor = file.tensors.first(where: { $0.name.hasSameBytes(as: name) }),
      axis < tensor.shape.count
    else { return nil }
    return tensor.shape[axis]
  }

  /// The width of the network's output, of all horizons; of a tied one the embedding's vocabulary.
  private var outputs: Int {
    let prefix = file.evaluatedPrefix(recipe)
    // Each step of a decoder of numbers has the head's.
    let steps = recipe.model.decoder == nil ? 1 : recipe.data.allHorizons.count
    return steps * (size("\(prefix)fc.weight", 0) ?? size("\(prefix)embedding.weight", 0) ?? 1)
  }

  /// - Throws: where only data can say it, and there are none.
  private func shapeOfTensors() throws -> SampleShape {
    let prefix = file.evaluatedPrefix(recipe)
    let network = recipe.model.network
    guard network.cell != .none || recipe.data.hasWindows else {
      return try loadData().shape
    }
    var shape = SampleShape(
      steps: recipe.data.window, features: 0,
      target: recipe.loss.takesClasses
        ? .classes(count: outputs) : .values(width: outputs / recipe.loss.outputsPerTarget))
    shape.hasTargetPerStep = network.readout == .everyStep && recipe.model.decoder == nil
    shape.hasEqualLengths = network.needsEqualLengths || !recipe.data.mayHaveLengths
    shape.vocabulary = size("\(prefix)embedding.weight", 0)
    if recipe.data.format == .text { shape.tokens = recipe.data.tokens }
    var vectors = 0
    while let width = size(prefix + ParameterLayout.categoryName(shape.categories.count), 1) {
      shape.categories.append(size(prefix + ParameterLayout.categoryName(shape.categories.count), 0)!)
      vectors += width
    }
    let first = size("\(prefix)fc0.weight", 1) ?? size("\(prefix)fc.weight", 1) ?? 0
    if network.cell == .none {
      shape.features = first / shape.steps - vectors
    } else if shape.vocabulary == nil {
      shape.features = (size("\(prefix)rnn.weight_ih_l0", 1) ?? 0) - vectors
    }
    if network.cell != .none, network.readout == .allSteps {
      let width = network.outputWidth
      guard first > 0 else { return try loadData().shape }
      shape.steps = first / width
    }
    return shape
  }
}
