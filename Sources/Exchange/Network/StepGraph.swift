import Recurrent

/// One step of one direction, as the body of a `Scan`: states `[B, W]` (and `[B, H]`) and the input's product `[B, G·H]` → the same
/// states, and h. The equations are those of `CellDescription`; `ReferenceLayer` has them in plain loops.
struct StepGraph {
  private(set) var graph: ONNXGraph
  private let network: Network
  private let (hidden, width): (Int, Int)
  private let cell: CellDescription
  /// Of all gates, but for one that reads h after another gate.
  private let recurrent: StepProduct
  private let gatedRecurrent: StepProduct?
  /// Of each gate that sees c its weights, in the description's order.
  private let peepholes: [String]
  private let cellNorm: StepProduct.NormWeights?
  private let projection: String?
  /// Shares of the state before, as tensors; nil for none.
  private let (zoneout, cellZoneout): (String?, String?)

  init(_ layer: Int, _ direction: Int, in writer: inout NetworkGraph) {
    network = writer.network
    (hidden, width) = (network.hiddenSize(of: layer), network.width(of: layer))
    cell = CellDescription(network)
    recurrent = StepProduct(
      "hh", layer, direction, gates: cell.gatedState.map { 0..<$0.gate }, in: &writer)
    gatedRecurrent = cell.gatedState.map {
      StepProduct("hh", layer, direction, gates: $0.gate..<$0.gate + 1, in: &writer)
    }
    peepholes = Self.peepholes(layer, direction, cell, in: &writer)
    cellNorm = writer.norms("norm_c", [0..<1], layer, direction).first
    projection = writer.parameter(network.name("weight_hr", layer, direction))
    func share(_ name: String, _ value: Float) -> String? {
      value > 0 ? writer.graph.add(name, [], [value]) : nil
    }
    zoneout = share("zoneout.hidden", network.zoneout.hidden)
    cellZoneout = share("zoneout.cell", network.zoneout.cell)
    let name = "step_l\(layer)\(direction == 1 ? "_reverse" : "")"
    graph = ONNXGraph(name, prefix: "\(name).")
  }

  private static func peepholes(
    _ layer: Int, _ direction: Int, _ cell: CellDescription, in writer: inout NetworkGraph
  ) -> [String] {
    let name = writer.network.name("peephole", layer, direction)
    guard let seeing = cell.peepholes, let all = writer.values(name) else { return [] }
    let hidden = writer.network.hiddenSize(of: layer)
    return (seeing.before + seeing.after).enumerated().map { block, gate in
      writer.graph.add(
        "\(name).\(cell.gates[gate].name)", [hidden], Array(all[block * hidden..<(block + 1) * hidden]))
    }
  }

  mutating func write() {
    let before = graph.addInput("\(graph.name).h", .float, [.named("batch"), .size(width)])
    let hasCell = network.cell.hasCellState
    let cellBefore =
      hasCell ? graph.addInput("\(graph.name).c", .float, [.named("batch"), .size(hidden)]) : before
    let gateCount = network.cell.gateCount
    let input = graph.addInput("\(graph.name).x", .float, [.named("batch"), .size(gateCount * hidden)])
    let product = recurrent.add(to: &graph, before)
    let gates = cell.gatedState?.gate ?? gateCount
    let state = newState(blocks(input, gateCount), blocks(product, gates), cellBefore)
    var h = state.output
    if let projection {
      h = graph.add("MatMul", [h, graph.add("Transpose", [projection], [("perm", .ints([1, 0]))])])
    }
    h = mixed(h, before, zoneout)
    let batch = ONNXValue.Dimension.named("batch")
    graph.addOutput(h, as: "\(graph.name).h_new", [batch, .size(width)])
    if hasCell {
      graph.addOutput(
        mixed(state.state, cellBefore, cellZoneout), as: "\(graph.name).c_new", [batch, .size(hidden)])
    }
    graph.addOutput(h, as: "\(graph.name).y", [batch, .size(width)])
  }

  /// `[B, count·H]` cut into gates.
  private mutating func blocks(_ values: String, _ count: Int) -> [String] {
    if count == 1 { return [values] }
    let sizes = graph.integers([Int](repeating: hidden, count: count))
    return graph.add("Split", [values, sizes], [("axis", .int(-1))], outputs: count)
  }

  /// The new state that the cell carries by itself, and h of it.
  private mutating func newState(_ a: [String], _ b: [String], _ before: String)
    -> (state: String, output: String)
  {
    // Gates that see the new state come last.
    let early = cell.peepholes?.after.first ?? cell.gates.count
    var gates: [String] = []
    for index in 0..<early { gates.append(gate(index, a, b, gates, sees: before)) }
    switch network.cell {
    case .gru:
      // h' = n + z·(h - n)
      let difference = graph.add("Sub", [before, gates[2]])
      let state = graph.add("Add", [gates[2], graph.add("Mul", [gates[1], difference])])
      return (state, state)
    case .lstm:
      let kept = graph.add("Mul", [gates[1], before])
      let state = graph.add("Add", [kept, graph.add("Mul", [gates[0], gates[2]])])
      for index in early..<cell.gates.count { gates.append(gate(index, a, b, gates, sees: state)) }
      let normed = cellNorm?.add(to: &graph, state) ?? state
      return (state, graph.add("Mul", [gates[3], graph.add("Tanh", [normed])]))
    case .rnn, .none: return (gates[0], gates[0])
    }
  }

  /// - gates: those before it.
  /// - state: what it sees through a peephole, or after another gate.
  private mutating func gate(
    _ index: Int, _ a: [String], _ b: [String], _ gates: [String], sees state: String
  ) -> String {
    var sum: String
    if let gated = cell.gatedState, gated.gate == index {
      let seen = graph.add("Mul", [gates[gated.factor], state])
      sum = graph.add("Add", [a[index], gatedRecurrent!.add(to: &graph, seen)])
    } else if let gated = cell.gatedProduct, gated.gate == index {
      sum = graph.add("Add", [a[index], graph.add("Mul", [gates[gated.factor], b[index]])])
    } else {
      sum = graph.add("Add", [a[index], b[index]])
    }
    if let seeing = cell.peepholes, let block = (seeing.before + seeing.after).firstIndex(of: index) {
      sum = graph.add("Add", [sum, graph.add("Mul", [peepholes[block], state])])
    }
    switch cell.gates[index].activation {
    case .sigmoid: return graph.add("Sigmoid", [sum])
    case .nonlinearity where network.nonlinearity == .relu: return graph.add("Relu", [sum])
    case .tanh, .nonlinearity: return graph.add("Tanh", [sum])
    }
  }

  /// new + share·(before - new), as zoneout has it in evaluation.
  private mutating func mixed(_ new: String, _ before: String, _ share: String?) -> String {
    guard let share else { return new }
    let difference = graph.add("Sub", [before, new])
    return graph.add("Add", [new, graph.add("Mul", [share, difference])])
  }
}
