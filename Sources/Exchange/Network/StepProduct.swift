import Recurrent

/// x·Wᵀ + b of one direction of a layer, or with layer norm LN(x·Wᵀ), by parameters that are tensors of the graph around it.
struct StepProduct {
  private let weight: String
  private let bias: String?
  private let norms: [NormWeights]

  /// Layer norm of some gates together.
  struct NormWeights {
    let weight: String
    /// "" without.
    let bias: String
    let width: Int
  }

  /// - kind: `ih` or `hh`.
  /// - gates: some of them, without layer norm; nil for all.
  init(
    _ kind: String, _ layer: Int, _ direction: Int, gates: Range<Int>? = nil, in writer: inout NetworkGraph
  ) {
    let network = writer.network
    let hidden = network.hiddenSize(of: layer)
    let rows = gates.map { $0.lowerBound * hidden..<$0.upperBound * hidden }
    weight = writer.parameter(network.name("weight_\(kind)", layer, direction), rows)!
    bias = writer.parameter(network.name("bias_\(kind)", layer, direction), rows)
    norms = writer.norms("norm_\(kind)", CellDescription(network.cell).normGroups, layer, direction)
  }

  /// `[…, I]` → `[…, G·H]`
  func add(to graph: inout ONNXGraph, _ x: String) -> String {
    let turned = graph.add("Transpose", [weight], [("perm", .ints([1, 0]))])
    let product = graph.add("MatMul", [x, turned])
    if let bias { return graph.add("Add", [product, bias]) }
    if norms.count < 2 { return norms.first?.add(to: &graph, product) ?? product }
    let parts = graph.add(
      "Split", [product, graph.integers(norms.map(\.width))], [("axis", .int(-1))], outputs: norms.count)
    let normed = zip(norms, parts).map { $0.add(to: &graph, $1) }
    return graph.add("Concat", normed, [("axis", .int(-1))])
  }
}

extension StepProduct.NormWeights {
  func add(to graph: inout ONNXGraph, _ x: String) -> String {
    let inputs = [x, weight] + (bias.isEmpty ? [] : [bias])
    return graph.add(
      "LayerNormalization", inputs, [("axis", .int(-1)), ("epsilon", .float(LayerNorm.epsilon))])
  }
}

extension NetworkGraph {
  /// Those of a layer's layer norm, none where it has none.
  /// - groups: blocks of H that are normalized together.
  mutating func norms(_ name: String, _ groups: [Range<Int>], _ layer: Int, _ direction: Int)
    -> [StepProduct.NormWeights]
  {
    let (name, hidden) = (network.name(name, layer, direction), network.hiddenSize(of: layer))
    guard let weight = values("\(name).weight") else { return [] }
    let bias = values("\(name).bias")
    return groups.map { blocks in
      let range = blocks.lowerBound * hidden..<blocks.upperBound * hidden
      func part(_ kind: String, _ values: [Float]) -> String {
        let own = groups.count == 1 ? "" : ".\(blocks.lowerBound)"
        return graph.add("\(name).\(kind)\(own)", [range.count], Array(values[range]))
      }
      return StepProduct.NormWeights(
        weight: part("weight", weight), bias: bias.map { part("bias", $0) } ?? "", width: range.count)
    }
  }
}
