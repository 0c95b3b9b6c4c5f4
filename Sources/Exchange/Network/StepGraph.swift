import Recurrent

/// One step of one direction, as the body of a `Scan`: states `[B, W]` (and `[B, H]`) and the input's product `[B, G·H]` → the same
/// states, and h. The equations are those of `CellDescription`; `ReferenceLayer` has them in plain loops.
struct StepGraph {
  private(set) var graph: ONNXGraph
  private let network: Architecture
  private let (hidden, width): (Int, Int)
  private let recurrent: StepProduct
  private let cellNorm: StepProduct.Norm?
  private let projection: String?
  /// Shares of the state before, as tensors; nil for none.
  private let (zoneout, cellZoneout): (String?, String?)

  init(_ layer: Int, _ direction: Int, in writer: inout NetworkGraph) {
    network = writer.network
    (hidden, width) = (network.hiddenSize(of: layer), network.width(of: layer))
    recurrent = StepProduct("hh", layer, direction, in: &writer)
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

  mutating func write() {
    let before = graph.addInput("\(graph.name).h", .float, [.named("batch"), .size(width)])
    let hasCell = network.cell.hasCellState
    let cellBefore =
      hasCell ? graph.addInput("\(graph.name).c", .float, [.named("batch"), .size(hidden)]) : before
    let gateCount = network.cell.gateCount
    let input = graph.addInput("\(graph.name).x", .float, [.named("batch"), .size(gateCount * hidden)])
    let product = recurrent.add(to: &graph, before)
    let state = newState(blocks(input), blocks(product), cellBefore)
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

  /// `[B, G·H]` cut into gates.
  private mutating func blocks(_ values: String) -> [String] {
    let count = network.cell.gateCount
    if count == 1 { return [values] }
    let sizes = graph.integers([Int](repeating: hidden, count: count))
    return graph.add("Split", [values, sizes], [("axis", .int(-1))], outputs: count)
  }

  /// The new state that the cell carries by itself, and h of it.
  private mutating func newState(_ a: [String], _ b: [String], _ before: String)
    -> (state: String, output: String)
  {
    let gates = activated(a, b)
    switch network.cell {
    case .gru:
      // h' = n + z·(h - n)
      let difference = graph.add("Sub", [before, gates[2]])
      let state = graph.add("Add", [gates[2], graph.add("Mul", [gates[1], difference])])
      return (state, state)
    case .lstm:
      let kept = graph.add("Mul", [gates[1], before])
      let state = graph.add("Add", [kept, graph.add("Mul", [gates[0], gates[2]])])
      let normed = cellNorm?.add(to: &graph, state) ?? state
      return (state, graph.add("Mul", [gates[3], graph.add("Tanh", [normed])]))
    case .rnn, .none: return (gates[0], gates[0])
    }
  }

  private mutating func activated(_ a: [String], _ b: [String]) -> [String] {
    let cell = CellDescription(network.cell)
    var gates: [String] = []
    for (index, gate) in cell.gates.enumerated() {
      var term = b[index]
      if let gated = cell.gatedProduct, gated.gate == index {
        term = graph.add("Mul", [gates[gated.factor], term])
      }
      let sum = graph.add("Add", [a[index], term])
      switch gate.activation {
      case .sigmoid: gates.append(graph.add("Sigmoid", [sum]))
      case .nonlinearity where network.nonlinearity == .relu: gates.append(graph.add("Relu", [sum]))
      case .tanh, .nonlinearity: gates.append(graph.add("Tanh", [sum]))
      }
    }
    return gates
  }

  /// new + share·(before - new), as zoneout has it in evaluation.
  private mutating func mixed(_ new: String, _ before: String, _ share: String?) -> String {
    guard let share else { return new }
    let difference = graph.add("Sub", [before, new])
    return graph.add("Add", [new, graph.add("Mul", [share, difference])])
  }
}
