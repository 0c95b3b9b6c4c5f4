import Recur

struct InspectReport: CommandReport {
  enum Inspected: String, Encodable { case recipe, checkpoint }
  struct Parameter: Encodable {
    let name: String
    let shape: [Int]
  }

  var command = "inspect"
  let kind: Inspected
  let recipe: String
  let summary: String
  let layers: [LayerSummary]
  let tensors: [Parameter]
  /// Count of all parameters.
  let parameters: Int
  var checkpoint: CheckpointSummary?
  /// What the network gets, where it was asked for.
  var data: DataSummary?
  /// The training step as a GPU runs it, where it was asked for.
  var program: String?

  /// - steps: time steps of a sample, where they are known.
  init(_ kind: Inspected, _ recipe: Recipe, _ network: Network, steps: Int?) {
    self.kind = kind
    self.recipe = recipe.name
    let layout = ParameterLayout(network)
    summary = recipe.model.summary
    layers = LayerSummary.layers(of: network, layout, steps: steps.map(String.init) ?? "T")
    tensors = layout.entries.map { Parameter(name: $0.name, shape: $0.shape) }
    parameters = layout.count
  }

  var lines: [String] {
    var lines = ["\(recipe): \(summary)", ""]
    let layerRows = layers.map {
      [$0.name, $0.kind, $0.shape, $0.parameters == 0 ? "" : Formatting.grouped($0.parameters)]
    }
    lines += TextTable(header: ["layer", "kind", "output", "parameters"], rows: layerRows).lines + [""]
    let tensorRows = tensors.map { [$0.name, "\($0.shape)", Formatting.grouped($0.shape.reduce(1, *))] }
    lines += TextTable(header: ["tensor", "shape", "elements"], rows: tensorRows).lines
    lines += [
      "", "\(Formatting.grouped(parameters)) parameters, \(Formatting.bytes(Double(parameters) * 4))",
    ]
    if let checkpoint { lines += [""] + TextTable(rows: checkpoint.rows).lines }
    if let data { lines += [""] + data.lines }
    return lines
  }
}

/// One layer as a table shows it.
struct LayerSummary: Encodable {
  let name: String
  let kind: String
  /// With B for the samples of a batch, time-major where there is time.
  let shape: String
  let parameters: Int

  static func layers(of a: Network, _ layout: ParameterLayout, steps: String) -> [LayerSummary] {
    let counts = ParameterCounts(layout)
    var layers: [LayerSummary] = []
    if let embedding = a.embedding {
      layers.append(
        LayerSummary(
          name: "embedding", kind: "\(embedding.vocabulary) tokens → \(embedding.width)",
          shape: "[\(steps), B, \(embedding.width)]", parameters: counts.modules["embedding", default: 0]))
    }
    for (column, category) in a.categories.enumerated() {
      layers.append(
        LayerSummary(
          name: "category_embeddings.\(column)",
          kind: "\(category.vocabulary) categories → \(category.width)",
          shape: "[\(steps), B, \(category.width)]", parameters: category.vocabulary * category.width))
    }
    if a.cell != .none {
      // text: a word of this program.
      let name = (a.bidirectional ? "bidirectional " : "") + a.cell.rawValue.uppercased()
      for layer in 0..<a.layers {
        let (inputs, width) = (a.inputWidth(of: layer), a.width(of: layer))
        let hidden = a.hiddenSize(of: layer)
        layers.append(
          LayerSummary(
            name: "rnn l\(layer)",
            kind: "\(name) \(inputs) → \(hidden)" + (width == hidden ? "" : " → \(width)"),
            shape: "[\(steps), B, \(a.directions * width)]", parameters: counts.layers[layer, default: 0]))
      }
    }
    if let decoder = a.decoder {
      if let table = decoder.embedding {
        layers.append(
          LayerSummary(
            name: "decoder_embedding", kind: "\(table.vocabulary) tokens → \(table.width)",
            shape: "[T, B, \(table.width)]", parameters: counts.modules["decoder_embedding", default: 0]))
      }
      layers.append(
        LayerSummary(
          // text: a word of this program.
          name: "decoder", kind: "\(a.layers) × \(a.cell.rawValue.uppercased()) \(a.outputWidth)",
          shape: "[\(decoder.numbers.map { String($0.steps) } ?? "T"), B, \(a.outputWidth)]",
          parameters: counts.modules["decoder", default: 0]))
      if decoder.attention != .none {
        layers.append(
          LayerSummary(
            name: "attention", kind: decoder.attention.rawValue, shape: "[T, B, \(a.outputWidth)]",
            parameters: counts.modules["attention", default: 0] + counts.modules["combine", default: 0]))
      }
    }
    let readSteps = a.decoder?.numbers.map { String($0.steps) } ?? steps
    let rows = a.cell != .none && a.readout == .everyStep ? "\(readSteps)·B" : "B"
    layers.append(
      LayerSummary(
        name: "readout", kind: a.cell == .none ? "flatten" : a.readout.rawValue,
        shape: "[\(rows), \(a.readoutWidth)]",
        parameters: 0))
    var width = a.readoutWidth
    let linears = a.head.count { if case .linear = $0 { true } else { false } }
    var index = 0
    for layer in a.head {
      var name = layer.summary
      var parameters = 0
      if case .linear(let outputs, _) = layer {
        name = index == linears - 1 ? "fc" : "fc\(index)"
        index += 1
        parameters = counts.modules[name, default: 0]
        layers.append(
          LayerSummary(
            name: name, kind: "linear \(width) → \(outputs)", shape: "[\(rows), \(outputs)]",
            parameters: parameters))
        width = outputs
      } else {
        layers.append(LayerSummary(name: "", kind: name, shape: "[\(rows), \(width)]", parameters: 0))
      }
    }
    return layers
  }
}

/// How many parameters modules and recurrent layers have, in one pass.
private struct ParameterCounts {
  /// By the first part of their names.
  // text: names of a layout are this program's own.
  var modules: [String: Int] = [:]
  /// Of the encoder or the only network, both directions together.
  var layers: [Int: Int] = [:]

  init(_ layout: ParameterLayout) {
    for entry in layout.entries {
      // text: as above.
      let parts = entry.name.split(separator: ".")
      modules[String(parts[0]), default: 0] += entry.range.count
      guard parts[0] == "rnn" else { continue }
      // The layer's number ends a name, or stands before the direction or the part of a norm.
      // text: as above.
      for word in parts[1].split(separator: "_") where word.hasPrefix("l") {
        if let layer = Int(word.dropFirst()) { layers[layer, default: 0] += entry.range.count }
      }
    }
  }
}
