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
    _ input: [Double], _ recurrent: [Double], _ nonlinearity: Architecture.Nonlinearity
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
    _ values: [Double], _ recurrent: [Double], _ nonlinearity: Architecture.Nonlinearity, _ d: [Double]
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
}
