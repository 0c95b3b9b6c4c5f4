import Batches
import Dataset
import Exchange
import Foundation
import Recurrent
import TestSupport

/// A network with random parameters and inputs, and what it gives for them: written down for `onnx_check.py`.
struct NetworkCase {
  struct Tensor: Encodable {
    var type = "float32"
    let shape: [Int]
    /// nil where nothing is compared.
    let values: [Double?]
  }

  struct Record: Encodable {
    let name: String
    let file: String
    // text: names of this test's own.
    let inputs: [String: Tensor]
    let outputs: [String: Tensor]
  }

  var name: String
  var network: Network
  var interface = ModelInterface()
  /// Of the sequences; all alike where the interface has no lengths.
  var lengths: [Int] = [4, 4, 4]
  /// Of each sample: which of the scaler's scales are its own, and what its targets count from. Empty for none.
  var series: [Int] = []
  var bases: [[Double]] = []
  /// A row of the model's outputs as the exported network gives it, for this sample.
  var inFile: ([Float], _ sample: Int) -> [Double] = { row, _ in row.map(Double.init) }
  /// Of classes and of bce.
  var probabilities: (([Float]) -> [Double])?
  var metadata: [(key: String, value: String)] = []

  var steps: Int { lengths.max()! }

  func model(_ random: inout SplitMix) throws -> Model {
    let model = try Model(network, seed: 1, kernels: .preferred)
    for index in model.parameters.indices {
      model.parameters[index] = Float.random(in: -0.6...0.6, using: &random)
    }
    model.parametersChanged()
    return model
  }

  func bytes(_ model: Model) throws -> [UInt8] {
    try NetworkGraph.model(
      network, model.layout, UnsafeBufferPointer(model.parameters), interface, metadata: metadata
    ).bytes
  }

  /// Writes the network into a folder, and returns what goes in and comes out.
  func write(to folder: URL, number: Int) throws -> Record {
    var random = SplitMix(state: UInt64(number) + 77)
    let model = try model(&random)
    let file = "\(number).onnx"
    try Data(bytes(model)).write(to: folder.appendingPathComponent(file))
    let samples = try NetworkSamples(self, &random)
    var (inputs, outputs) = (samples.tensors, [String: Tensor]())
    var states: StreamStates?
    if interface.carriesStates {
      let streams = StreamStates(network, streams: lengths.count)
      for values in [streams.hidden, streams.cell] {
        for index in values.indices { values[index] = Float.random(in: -1...1, using: &random) }
      }
      inputs.merge(tensors(of: streams, "0")) { $1 }
      samples.batch.setStreams((0..<Int32(lengths.count)).map { $0 })
      states = streams
    }
    let raw = model.forward(samples.batch, mode: .evaluation, states: states)
    let width = network.outputSize
    let batch =
      try network.readsEveryStep
      ? samples.batch.targetsPerStep([Float](repeating: 0, count: lengths.reduce(0, +))) : samples.batch
    let rows = batch.inOrder(raw.baseAddress!, width: width)
    outputs["output"] = tensor(rows, width, inFile)
    if let probabilities { outputs["probabilities"] = tensor(rows, width) { row, _ in probabilities(row) } }
    if let states { outputs.merge(tensors(of: states, "n")) { $1 } }
    return Record(name: name, file: file, inputs: inputs, outputs: outputs)
  }

  /// Rows in order as `[B, …]`, or `[B, T, …]` with nothing after each sequence's end.
  private func tensor(_ rows: [Float], _ width: Int, _ change: ([Float], Int) -> [Double]) -> Tensor {
    var values: [Double?] = []
    var (from, size) = (0, 0)
    for (sample, length) in lengths.enumerated() {
      for step in 0..<(network.readsEveryStep ? steps : 1) {
        guard step < length || !network.readsEveryStep else {
          values += [Double?](repeating: nil, count: size)
          continue
        }
        let row = change(Array(rows[from..<from + width]), sample)
        (from, size) = (from + width, row.count)
        values += row
      }
    }
    let axes = network.readsEveryStep ? [lengths.count, steps] : [lengths.count]
    return Tensor(shape: axes + [size], values: values)
  }

  /// h0_l0 or hn_l0, and of an LSTM c likewise, for each layer of equal width.
  private func tensors(of states: StreamStates, _ suffix: String) -> [String: Tensor] {
    var tensors: [String: Tensor] = [:]
    let size = states.streams * network.hiddenSize
    for layer in 0..<network.layers {
      for (letter, values) in [("h", states.hidden), ("c", states.cell)] where !values.isEmpty {
        tensors["\(letter)\(suffix)_l\(layer)"] = Tensor(
          shape: [1, states.streams, network.hiddenSize],
          values: values[layer * size..<(layer + 1) * size].map { Double($0) })
      }
    }
    return tensors
  }
}

/// Random inputs of a case, as a batch of the library and as tensors for the exported network.
struct NetworkSamples {
  let batch: Batch
  private(set) var tensors: [String: NetworkCase.Tensor] = [:]

  init(_ given: NetworkCase, _ random: inout SplitMix) throws {
    let (network, lengths, steps) = (given.network, given.lengths, given.steps)
    let (features, columns) = (network.inputSize, network.categories.map(\.vocabulary))
    func codes(_ size: Int) -> Int32 { Int32.random(in: 0..<Int32(size), using: &random) }
    let tokens = lengths.map { length in
      (0..<length).map { _ in network.embedding.map { codes($0.vocabulary) } ?? 0 }
    }
    let categories = lengths.map { length in (0..<length).flatMap { _ in columns.map { codes($0) } } }
    let numbers = lengths.map { length in
      (0..<length * features).map { _ in Float.random(in: -2...2, using: &random) }
    }
    /// Padded with zeros, `[B, T, width]`.
    func padded(_ rows: [[Double]], _ width: Int) -> [Double?] {
      rows.flatMap { $0 + [Double](repeating: 0, count: steps * width - $0.count) }
    }
    if let embedding = network.embedding {
      batch = try Batch(tokens, vocabulary: embedding.vocabulary)
      tensors["tokens"] = .init(
        type: "int64", shape: [lengths.count, steps], values: padded(tokens.map { $0.map(Double.init) }, 1))
    } else if !columns.isEmpty {
      batch = try Batch(numbers, features: features, codes: categories, categories: columns)
    } else {
      batch = try Batch(numbers, features: features)
    }
    if network.embedding == nil, features > 0 {
      let rows = numbers.enumerated().map { sample, numbers in
        numbers.enumerated().map { index, value -> Double in
          let column = index % features
          guard let scaler = given.interface.scaler, column < scaler.features.count else {
            return Double(value)
          }
          let own = scaler.alternatives[given.series.isEmpty ? 0 : given.series[sample]]
          return scaler.unscale(value, own.features[column])
        }
      }
      tensors["input"] = .init(shape: [lengths.count, steps, features], values: padded(rows, features))
    }
    if !columns.isEmpty {
      tensors["categories"] = .init(
        type: "int64", shape: [lengths.count, steps, columns.count],
        values: padded(categories.map { $0.map(Double.init) }, columns.count))
    }
    if !given.series.isEmpty {
      tensors["series"] = .init(
        type: "int64", shape: [lengths.count], values: given.series.map(Double.init))
    }
    if let width = given.interface.baseWidth {
      tensors["base"] = .init(shape: [lengths.count, width], values: given.bases.flatMap { $0 })
    }
    if given.interface.hasLengths {
      tensors["lengths"] = .init(type: "int64", shape: [lengths.count], values: lengths.map(Double.init))
    }
  }
}
