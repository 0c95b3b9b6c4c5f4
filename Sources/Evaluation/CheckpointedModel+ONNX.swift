import Batches
import Dataset
import Diagnostics
import Exchange
import Files
import Recurrent

extension CheckpointedModel {
  /// Writes what is evaluated as a network of ONNX, with what `ExportedModel` says as its metadata and the names of what goes in and
  /// comes out.
  /// - path: of pairs, whose network is two files, what these are named after: `onnxPaths`.
  /// - raw: whether numbers go in and come out as the network has them, without scales.
  public func exportONNX(to path: String, raw: Bool = false) throws {
    try exportONNX(
      to: onnxPaths(path, option: "the network").map { try OutputFile($0, option: "the network") }, raw: raw)
  }

  /// The files that such an export writes: this one, or of pairs `NAME-encoder.onnx` and `NAME-decoder.onnx` for `NAME.onnx`.
  /// - option: what the path was named by, for messages.
  /// - Throws: `usage` where two files would go where only one can.
  package func onnxPaths(_ path: String, option: String) throws(Failure) -> [String] {
    guard recipe.data.format == .pairs else { return [path] }
    guard !OutputFile.isStream(path) else {
      throw .usage(
        "\(option) \(path): the network of pairs is two files, an encoder and a decoder's step; name one, such as model.onnx"
      )
    }
    let (name, stem) = (Paths.name(of: path), Paths.stem(of: path))
    let start = Substring(path.utf8.dropLast(name.utf8.count - stem.utf8.count))
    let ending = Substring(name.utf8.dropFirst(stem.utf8.count))
    return ["encoder", "decoder"].map { "\(start)-\($0)\(ending)" }
  }

  /// - outputs: those of `onnxPaths`. Each is put in its place when all are whole.
  package func exportONNX(to outputs: [OutputFile], raw: Bool) throws {
    let interface = onnxInterface(raw: raw)
    let model = try model(for: shapeOfTensors())
    let metadata = try ExportedModel(file.state).metadata + onnxMetadata(interface, raw: raw)
    let parameters = UnsafeBufferPointer(model.parameters)
    let written: [ONNXModel]
    if recipe.data.format == .pairs {
      let pair = try NetworkGraph.pair(
        model.network, model.layout, parameters, interface, metadata: metadata)
      written = [pair.encoder, pair.decoder]
    } else {
      written = [
        try NetworkGraph.model(model.network, model.layout, parameters, interface, metadata: metadata)
      ]
    }
    for (output, model) in zip(outputs, written) {
      try model.bytes.withUnsafeBufferPointer { try output.write(UnsafeRawBufferPointer($0)) }
    }
    for output in outputs { try output.close() }
  }

  private func onnxInterface(raw: Bool) -> ModelInterface {
    var interface = ModelInterface()
    interface.hasLengths = recipe.data.mayHaveLengths && !recipe.model.network.needsEqualLengths
    interface.carriesStates = recipe.data.format == .text
    interface.targetNames = targetNames
    if raw { return interface }
    (interface.scaler, interface.loss) = (scaler, recipe.loss)
    if recipe.data.isRelative {
      interface.baseWidth = outputs / recipe.loss.outputsPerTarget / recipe.data.allHorizons.count
    }
    return interface
  }

  /// What each input and output is, as lists of JSON; what has no names is left out.
  private func onnxMetadata(_ interface: ModelInterface, raw: Bool) -> [(key: String, value: String)] {
    let lists = [
      ("features", recipe.data.format == .csv && recipe.data.text == nil ? recipe.data.inputNames : []),
      ("categorical", recipe.data.categorical), ("targets", targetNames),
      ("outputs", interface.outputNames ?? []), ("series", (scaler?.series ?? []).map(\.name)),
    ]
    var metadata = lists.filter { !$0.1.isEmpty }.map { ($0, JSON.text(of: JSONValue(encoding: $1))) }
    metadata.append(("raw", raw ? "true" : "false"))
    if recipe.data.format == .pairs {
      for key in ["bos_token_id", "eos_token_id"] { metadata.append((key, "\(endOfTarget)")) }
    }
    return metadata
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
    let isPairs = recipe.data.format == .pairs
    shape.hasTargetPerStep = isPairs || network.readout == .everyStep && recipe.model.decoder == nil
    // Of no other length than it has: only its being there says that there are sources.
    shape.sourceSteps = isPairs ? 1 : nil
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
