#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A cell's equations for one unit in double precision, with their derivatives: for reading and for tests, which compare engines
/// with them.
///
/// Gates are activated, in PyTorch's order. The state is the one that the cell carries by itself: c where there is one, else h.
package struct Equations: Sendable {
  /// The new state, from gates and the state before.
  package let update: @Sendable (_ gates: [Double], _ before: Double) -> Double
  /// Gradients of gates and of the state before, from that of the new state.
  package let updateBack:
    @Sendable (_ gates: [Double], _ before: Double, _ d: Double) -> (gates: [Double], before: Double)
  /// h, from gates and the new state (with layer norm, the normalized one); nil where the state is h.
  package var output: (@Sendable (_ gates: [Double], _ state: Double) -> Double)?
  /// Gradients of gates and of the new state, from that of h.
  package var outputBack:
    (@Sendable (_ gates: [Double], _ state: Double, _ d: Double) -> (gates: [Double], state: Double))?
}

extension CellDescription {
  /// A unit's activated gates.
  /// - input, recurrent: the unit's part of each product `[G]`, with biases or normalized.
  package func activate(
    _ input: [Double], _ recurrent: [Double], _ nonlinearity: Network.Nonlinearity
  ) -> [Double] {
    var values: [Double] = []
    for (k, gate) in gates.enumerated() {
      let factor = gatedProduct?.gate == k ? values[gatedProduct!.factor] : 1
      let sum = input[k] + factor * recurrent[k]
      switch gate.activation {
      case .sigmoid: values.append(1 / (1 + exp(-sum)))
      case .nonlinearity where nonlinearity == .relu: values.append(max(sum, 0))
      case .tanh, .nonlinearity: values.append(tanh(sum))
      }
    }
    return values
  }

  /// Gradients of a unit's parts of both products, from those of its activated gates.
  package func activateBack(
    _ values: [Double], _ recurrent: [Double], _ nonlinearity: Network.Nonlinearity, _ d: [Double]
  ) -> (input: [Double], recurrent: [Double]) {
    var (d, dRecurrent) = (d, d)
    // A factor comes before the gate whose product it multiplies, and gets its gradient from it.
    for k in gates.indices.reversed() {
      let y = values[k]
      switch gates[k].activation {
      case .sigmoid: d[k] *= y * (1 - y)
      case .nonlinearity where nonlinearity == .relu: d[k] *= y > 0 ? 1 : 0
      case .tanh, .nonlinearity: d[k] *= 1 - y * y
      }
      dRecurrent[k] = d[k]
      guard let gatedProduct, gatedProduct.gate == k else { continue }
      dRecurrent[k] *= values[gatedProduct.factor]
      d[gatedProduct.factor] += d[k] * recurrent[k]
    }
    return (d, dRecurrent)
  }

  /// A unit's activated gates and its new state, which no gate that sees it is a part of.
  /// - before: its c where there is one, else its h.
  /// - peepholes: a weight for each gate that sees c; empty where none does.
  package func advance(
    _ input: [Double], _ recurrent: [Double], before: Double, peepholes: [Double] = [],
    _ nonlinearity: Network.Nonlinearity
  ) -> (gates: [Double], state: Double) {
    var sums = input
    for (gate, weight) in zip(self.peepholes?.before ?? [], peepholes) { sums[gate] += weight * before }
    let gates = activate(sums, recurrent, nonlinearity)
    let state = equations.update(gates, before)
    guard let seeing = self.peepholes else { return (gates, state) }
    for (gate, weight) in zip(seeing.after, peepholes.dropFirst(seeing.before.count)) {
      sums[gate] += weight * state
    }
    return (activate(sums, recurrent, nonlinearity), state)
  }

  /// What a unit's step leaves for its derivative.
  package struct UnitStep: Sendable {
    /// The unit's part of the recurrent product `[G]`.
    package let recurrent: [Double]
    /// Activated.
    package let gates: [Double]
    /// c where there is one, else h.
    package let (before, state): (Double, Double)
    package let hidden: Double
    package let peepholes: [Double]
  }

  /// One step of one unit.
  /// - before, peepholes: as in `advance`.
  package func step(
    _ input: [Double], _ recurrent: [Double], before: Double, peepholes: [Double] = [],
    _ nonlinearity: Network.Nonlinearity
  ) -> UnitStep {
    let (gates, state) = advance(input, recurrent, before: before, peepholes: peepholes, nonlinearity)
    return UnitStep(
      recurrent: recurrent, gates: gates, before: before, state: state,
      hidden: equations.output?(gates, state) ?? state, peepholes: peepholes)
  }

  /// Gradients of a unit's parts of both products, of `before`, without what goes through the recurrent product, and of peepholes.
  /// - dHidden, dState: of h, and of c where there is one.
  package func stepBack(
    _ s: UnitStep, dHidden: Double, dState: Double, _ nonlinearity: Network.Nonlinearity
  ) -> (input: [Double], recurrent: [Double], before: Double, peepholes: [Double]) {
    let output = equations.outputBack?(s.gates, s.state, dHidden)
    let (seeing, own) = (peepholes ?? Peepholes(before: [], after: []), s.peepholes)
    var dNew = dState + (output?.state ?? dHidden)
    if let output, !seeing.after.isEmpty {
      let d = activateBack(s.gates, s.recurrent, nonlinearity, output.gates).input
      for (gate, weight) in zip(seeing.after, own.dropFirst(seeing.before.count)) { dNew += weight * d[gate] }
    }
    let update = equations.updateBack(s.gates, s.before, dNew)
    let dGates = output.map { zip($0.gates, update.gates).map(+) } ?? update.gates
    let d = activateBack(s.gates, s.recurrent, nonlinearity, dGates)
    let through = zip(seeing.before, own).reduce(0) { $0 + $1.1 * d.input[$1.0] }
    return (
      d.input, d.recurrent, update.before + through,
      seeing.before.map { d.input[$0] * s.before } + seeing.after.map { d.input[$0] * s.state }
    )
  }
}
