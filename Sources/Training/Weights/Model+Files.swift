import Diagnostics
import Files
import Recurrent

/// A model in a file: parameters under PyTorch's names, as safetensors.
extension Model {
  private static let networkKey = "network"

  /// Writes the parameters, and the network in the file's metadata. PyTorch reads it by `safetensors.torch.load_file`.
  /// - Throws: `inputOutput` where it can't be written; a file that was there is then unchanged.
  public func save(to path: String) throws(Failure) {
    var header = SafetensorsHeader()
    for entry in layout.entries { try header.add(entry.name, entry.shape) }
    header.metadata = [("format", "pt"), (Self.networkKey, JSON.text(of: JSONValue(encoding: network)))]
    let (head, output) = (try header.encoded(), try OutputFile(path, option: "the model"))
    try head.withUnsafeBufferPointer { bytes throws(Failure) in
      try output.write(UnsafeRawBufferPointer(bytes))
    }
    try output.write(UnsafeRawBufferPointer(parameters))
    try output.close()
  }

  /// A model of a file that says what network it is of: of `save`, a checkpoint, a run (its best one), an export.
  ///
  ///     let model = try Model(loading: "runs/ibm")
  ///     print(try model.predict(batch))
  ///
  /// - Throws: `missingInput`, `inputOutput` or `badData` with one line that names file and place.
  public convenience init(loading path: String, threads: Int = 1) throws {
    let source = try WeightsSource(path)
    try self.init(
      Self.network(of: source), source, TrainSpecification(epochs: 1, batchSize: 1), threads: threads)
  }

  /// A network with the parameters of a file: also of one that knows no network, as `safetensors.torch.save_file` writes it, in
  /// float32, float16, bfloat16 or float64.
  ///
  ///     let network = Network(.lstm, inputs: 1, hidden: 16, head: [.linear(1)])
  ///     let model = try Model(network, loading: "weights.safetensors")
  ///
  /// - Parameters:
  ///   - renaming: `OLD=NEW`, what names begin with in the file and here: `lstm.=rnn.`.
  ///   - allowingMissing: patterns of parameters that start anew where the file has none that fits: `fc.*`.
  ///   - seed: of those.
  /// - Throws: as `init(loading:)`; also `badData` where a tensor is missing or of another shape.
  public convenience init(
    _ network: Network, loading path: String, renaming: [String] = [], allowingMissing: [String] = [],
    seed: UInt64 = 0, threads: Int = 1
  ) throws {
    var names = TrainSpecification(epochs: 1, batchSize: 1)
    (names.initMap, names.allowMissing) = (renaming, allowingMissing)
    try self.init(network, WeightsSource(path), names, seed: seed, threads: threads)
  }

  private convenience init(
    _ network: Network, _ source: WeightsSource, _ names: TrainSpecification, seed: UInt64 = 0, threads: Int
  ) throws {
    // Before memory is taken for a network that the file does not hold.
    try network.validate()
    let plan = try WeightsPlan(source, ParameterLayout(network), names)
    try self.init(network, seed: seed, threads: threads)
    try plan.fill(parameters)
    parametersChanged()
  }

  private static func network(of source: WeightsSource) throws -> Network {
    if let state = source.state {
      let recipe = try Recipe(yaml: state.recipe, path: "\(source.path), recipe", baseDirectory: "/")
      return try recipe.network(of: source.tensors.map { ($0.name, $0.shape) }, path: source.path).0
    }
    guard let text = source.metadata.first(where: { $0.key.hasSameBytes(as: networkKey) })?.value else {
      throw Failure.badData(
        "\(source.path) says nothing about its network; describe it: Model(Network(…), loading: …)")
    }
    do {
      return try JSON.decoder().decode(Network.self, from: .init(text.utf8))
    } catch {
      throw Failure.badData(
        "\(source.path): its network can't be read; describe it: Model(Network(…), loading: …)")
    }
  }
}
