import Dataset
import Recurrent

extension NetworkGraph {
  /// `output`, in the units of the file where the interface has a scaler, and `probabilities` where the loss is one of classes.
  mutating func addOutputs(_ values: String) {
    addOutputs(
      values, axes: network.readsEveryStep ? [.named("batch"), .named("time")] : [.named("batch")])
  }

  /// - axes: those before the numbers of an output.
  mutating func addOutputs(_ values: String, axes: [ONNXValue.Dimension]) {
    let axes = axes + [.size(network.outputSize)]
    switch interface.loss {
    case .crossEntropy:
      graph.addOutput(values, as: "output", axes)
      let shares = graph.add("Softmax", [values], [("axis", .int(-1))])
      graph.addOutput(shares, as: "probabilities", axes)
    case .bceWithLogits:
      graph.addOutput(values, as: "output", axes)
      graph.addOutput(graph.add("Sigmoid", [values]), as: "probabilities", axes)
    case nil: graph.addOutput(values, as: "output", axes)
    case let loss?: graph.addOutput(inFile(values, loss), as: "output", axes)
    }
  }

  /// Outputs `[…, targets · outputs of each]` in the units of the file.
  private mutating func inFile(_ values: String, _ loss: Loss) -> String {
    let each = loss.outputsPerTarget
    let targets = network.outputSize / each
    let outer = network.readsEveryStep ? [0, 0] : [0]
    let isCut = each > 1
    var values = values
    if isCut { values = graph.add("Reshape", [values, graph.integers(outer + [targets, each])]) }
    switch loss {
    case .quantile: values = sorted(values, each)
    case .gaussianNLL, .studentT, .poisson, .negativeBinomial: values = positive(values, loss, each)
    case .mse, .mae, .huber, .crossEntropy, .bceWithLogits: break
    }
    values = unscaled(values, loss, targets, each)
    if let width = interface.baseWidth { values = counted(values, width, loss, targets, each) }
    return isCut ? graph.add("Reshape", [values, graph.integers(outer + [targets * each])]) : values
  }

  /// Quantiles never cross.
  mutating func sorted(_ values: String, _ count: Int) -> String {
    graph.add(
      "TopK", [values, graph.integers([count])],
      [("axis", .int(-1)), ("largest", .int(0)), ("sorted", .int(1))], outputs: 2)[0]
  }

  /// Parameters of a distribution: softplus and the least value where they must be positive.
  private mutating func positive(_ values: String, _ loss: Loss, _ each: Int) -> String {
    let floors = loss.parameterFloors
    let rising = graph.add("Softplus", [values])
    let floor = graph.add("least", [each], floors.map { $0 ?? 0 })
    let raised = graph.add("Add", [rising, floor])
    if floors.allSatisfy({ $0 != nil }) { return raised }
    // 1 where a number may be anything, else 0.
    let parts = graph.add(
      "Split", [values, graph.integers([1, each - 1])], [("axis", .int(-1))], outputs: 2)
    let others = graph.add(
      "Split", [raised, graph.integers([1, each - 1])], [("axis", .int(-1))], outputs: 2)
    return graph.add("Concat", [parts[0], others[1]], [("axis", .int(-1))])
  }

  /// A number · scale + offset of its target; what says how wide it is spread, · scale alone.
  private mutating func unscaled(_ values: String, _ loss: Loss, _ targets: Int, _ each: Int) -> String {
    guard let scaler = interface.scaler, !scaler.targets.isEmpty else { return values }
    func columns(_ own: Scaler.SeriesScale) -> LinearColumns {
      LinearColumns(own.targets, scaler.method, width: targets)
    }
    if scaler.alternatives.allSatisfy({ columns($0).isIdentity }) { return values }
    let kinds = loss.parameterUnits
    let shape = each > 1 ? [targets, each] : [targets]
    let scale = scales("output_scale", shape, hasSteps: network.readsEveryStep) { own in
      columns(own).scale.flatMap { scale in kinds.map { $0 == .none ? 1 : scale } }
    }
    let offset = scales("output_offset", shape, hasSteps: network.readsEveryStep) { own in
      columns(own).offset.flatMap { offset in kinds.map { $0 == .place ? offset : 0 } }
    }
    return graph.add("Add", [graph.add("Mul", [values, scale]), offset])
  }

  /// Changes as values: where a target lies counts from its base, how wide it is spread does not.
  /// - values: `[B, targets]`, or with several outputs of each `[B, targets, each]`; horizon by horizon.
  /// - width: targets of a horizon.
  private mutating func counted(
    _ values: String, _ width: Int, _ loss: Loss, _ targets: Int, _ each: Int
  ) -> String {
    let base = graph.addInput("base", .float, [.named("batch"), .size(width)])
    let copies = [String](repeating: base, count: targets / width)
    let all = copies.count == 1 ? base : graph.add("Concat", copies, [("axis", .int(1))])
    if each == 1 { return graph.add("Add", [values, all]) }
    let places = graph.add("places", [each], loss.parameterUnits.map { $0 == .place ? 1 : 0 })
    let moved = graph.add("Mul", [graph.add("Unsqueeze", [all, graph.integers([2])]), places])
    return graph.add("Add", [values, moved])
  }
}

extension Loss {
  /// The least value of each output that must be positive; nil for one that may be any number.
  fileprivate var parameterFloors: [Float?] {
    switch self {
    case .gaussianNLL: [nil, Float(leastDeviation)]
    case .studentT: [nil, Float(leastDeviation), 2]
    case .poisson: [0]
    case .negativeBinomial: [0, 0]
    case .mse, .mae, .huber, .crossEntropy, .bceWithLogits, .quantile:
      [Float?](
        repeating: nil, count: outputsPerTarget)
    }
  }

  fileprivate enum Unit { case place, width, none }

  /// What each output of a target is, in the target's units.
  fileprivate var parameterUnits: [Unit] {
    switch self {
    case .gaussianNLL: [.place, .width]
    case .studentT: [.place, .width, .none]
    case .poisson, .negativeBinomial, .crossEntropy, .bceWithLogits:
      [Unit](repeating: .none, count: outputsPerTarget)
    case .mse, .mae, .huber, .quantile: [Unit](repeating: .place, count: outputsPerTarget)
    }
  }
}
