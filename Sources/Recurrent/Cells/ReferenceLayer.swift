/// One direction of a recurrent layer in plain loops and double precision, one sample and one step after the other, as it is in
/// evaluation: for reading, and what the engines of processor and device are compared with.
package struct ReferenceLayer: Sendable {
  /// h `[P]` and, of a cell with c, c `[H]` of one sample.
  package struct LayerState: Sendable, Equatable {
    package var hidden: [Double]
    package var cell: [Double]

    package init(hidden: [Double], cell: [Double] = []) {
      self.hidden = hidden
      self.cell = cell
    }
  }

  private struct Norm {
    var weight: [Double]
    var bias: [Double]?
    /// Blocks of H that are normalized together.
    var groups: [Range<Int>]
  }

  private let cell: CellDescription
  private let nonlinearity: Network.Nonlinearity
  private let zoneout: Network.Zoneout
  private let (hidden, width): (Int, Int)
  private let (inputWeight, recurrentWeight): ([Double], [Double])
  private let (inputBias, recurrentBias, projection): ([Double]?, [Double]?, [Double]?)
  private let (inputNorm, recurrentNorm, cellNorm): (Norm?, Norm?, Norm?)
  private let peepholes: [Double]

  /// - direction: 1 for the one that reads from the end.
  /// - parameters: those of the whole network.
  package init(
    _ a: Network, layer: Int, direction: Int, _ layout: ParameterLayout, _ parameters: [Double]
  ) {
    let place = LayerPosition(layer: layer, direction: direction)
    func values(_ name: String, _ part: String = "") -> [Double]? {
      layout[place.name(name) + part].map { Array(parameters[$0.range]) }
    }
    func norm(_ name: String, _ groups: [Range<Int>]) -> Norm? {
      values(name, ".weight").map { Norm(weight: $0, bias: values(name, ".bias"), groups: groups) }
    }
    cell = CellDescription(a)
    nonlinearity = a.nonlinearity
    zoneout = a.zoneout
    (hidden, width) = (a.hiddenSize(of: layer), a.width(of: layer))
    (inputWeight, recurrentWeight) = (values("weight_ih")!, values("weight_hh")!)
    (inputBias, recurrentBias, projection) = (values("bias_ih"), values("bias_hh"), values("weight_hr"))
    (inputNorm, recurrentNorm) = (norm("norm_ih", cell.normGroups), norm("norm_hh", cell.normGroups))
    cellNorm = norm("norm_c", [0..<1])
    peepholes = values("peephole") ?? []
  }

  /// Where a sequence begins that is given no state.
  package var zero: LayerState {
    LayerState(
      hidden: [Double](repeating: 0, count: width),
      cell: [Double](repeating: 0, count: cell.hasCellState ? hidden : 0))
  }

  /// The state after one more step of one sample, from its input `[I]`.
  package func step(_ input: [Double], _ before: LayerState) -> LayerState {
    let a = normalized(affine(inputWeight, inputBias, input), inputNorm)
    var b = normalized(affine(recurrentWeight, recurrentBias, before.hidden), recurrentNorm)
    if let gated = cell.gatedState { resetState(gated, a, &b, before.hidden) }
    let old = cell.hasCellState ? before.cell : before.hidden
    let units = (0..<hidden).map { unit in
      cell.advance(
        block(a, unit), block(b, unit), before: old[unit], peepholes: peephole(unit), nonlinearity)
    }
    let (gates, new) = (units.map(\.gates), units.map(\.state))
    var h = zip(gates, normalized(new, cellNorm)).map { gates, state in
      cell.equations.output?(gates, state) ?? state
    }
    if let projection { h = affine(projection, nil, h) }
    return LayerState(
      hidden: mixed(h, before.hidden, zoneout.hidden),
      cell: cell.hasCellState ? mixed(new, before.cell, zoneout.cell) : [])
  }

  /// The recurrent product of a gate that reads h after another gate, in the place of the one of h itself.
  private func resetState(
    _ gated: CellDescription.GatedState, _ a: [Double], _ b: inout [Double], _ before: [Double]
  ) {
    let seen = (0..<hidden).map { unit in
      cell.activate(block(a, unit), block(b, unit), nonlinearity)[gated.factor] * before[unit]
    }
    let rows = gated.gate * hidden..<(gated.gate + 1) * hidden
    b.replaceSubrange(rows, with: affine(recurrentWeight, recurrentBias, seen)[rows])
  }

  private func peephole(_ unit: Int) -> [Double] {
    stride(from: unit, to: peepholes.count, by: hidden).map { peepholes[$0] }
  }

  /// A unit's part of each gate.
  private func block(_ values: [Double], _ unit: Int) -> [Double] {
    cell.gates.indices.map { values[$0 * hidden + unit] }
  }

  private func affine(_ weight: [Double], _ bias: [Double]?, _ x: [Double]) -> [Double] {
    (0..<weight.count / x.count).map { row -> Double in
      var sum = bias?[row] ?? 0
      for k in x.indices { sum += weight[row * x.count + k] * x[k] }
      return sum
    }
  }

  private func normalized(_ x: [Double], _ norm: Norm?) -> [Double] {
    guard let norm else { return x }
    return norm.groups.flatMap { blocks -> [Double] in
      let range = blocks.lowerBound * hidden..<blocks.upperBound * hidden
      let mean = x[range].reduce(0, +) / Double(range.count)
      let variance = x[range].reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(range.count)
      let deviation = (variance + Double(LayerNorm.epsilon)).squareRoot()
      return range.map { norm.weight[$0] * (x[$0] - mean) / deviation + (norm.bias?[$0] ?? 0) }
    }
  }

  /// Zoneout: in evaluation a share of the state before.
  private func mixed(_ new: [Double], _ old: [Double], _ share: Float) -> [Double] {
    zip(new, old).map { $0 + Double(share) * ($1 - $0) }
  }
}
