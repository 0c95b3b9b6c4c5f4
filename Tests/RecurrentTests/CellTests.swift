import Batches
import Recurrent
import TestSupport
import Testing

@Suite("A cell looped over time", .tags(.fast)) struct CellTests {
  static let kinds: [Network.Cell] = [.rnn, .lstm, .gru]
  let inputs = 3
  let hidden = 5
  let batch = 4
  let steps = 6

  private func cell(_ kind: Network.Cell) throws -> RecurrentCell {
    switch kind {
    case .lstm: try LSTMCell(inputs: inputs, hidden: hidden, seed: 7)
    case .gru: try GRUCell(inputs: inputs, hidden: hidden, seed: 7)
    default: try RNNCell(inputs: inputs, hidden: hidden, seed: 7)
    }
  }

  /// The layer's final state for given inputs `[T, B, I]`.
  private func layer(_ kind: Network.Cell) throws -> Model {
    var a = Network(kind, inputs: inputs, hidden: hidden, steps: steps, head: [])
    a.readout = .finalState
    return try Model(a, seed: 7, wantsInputGradient: true)
  }

  @Test(arguments: kinds) func `equals the layer, forward and back`(_ kind: Network.Cell) throws {
    let x = Reference.wave(steps * batch * inputs, phase: 0.3)
    let cell = try cell(kind)
    let model = try layer(kind)
    #expect(cell.parameters == Array(model.parameters))
    _ = model.forward(
      Batch(timeMajor: x, features: inputs, steps: steps), mode: .training(seed: 0, step: 0))

    let row = batch * inputs
    var states: [RecurrentState?] = [nil]
    for t in 0..<steps { states.append(try cell.step(Array(x[t * row..<(t + 1) * row]), states[t])) }
    #expect(distance(states[steps]!.hidden, model.finalState!.hidden) < 1e-6)
    #expect(distance(states[steps]!.cell, model.finalState!.cell) < 1e-6)

    let dHidden = Reference.wave(batch * hidden, phase: 0.7)
    var d = RecurrentState(
      hidden: dHidden, cell: kind == .lstm ? [Float](repeating: 0, count: batch * hidden) : [])
    model.backward(dHidden)
    var dInput = [Float](repeating: 0, count: x.count)
    for t in (0..<steps).reversed() {
      let back = try cell.backward(Array(x[t * row..<(t + 1) * row]), states[t], gradient: d)
      dInput.replaceSubrange(t * row..<(t + 1) * row, with: back.input)
      d = back.state
    }
    #expect(distance(cell.gradients, Array(model.gradients)) < 1e-5)
    #expect(distance(dInput, Array(model.inputGradient!)) < 1e-5)
  }

  /// The input's gradient against central differences of the sum of h.
  @Test(arguments: kinds) func `input gradient agrees with finite differences`(_ kind: Network.Cell)
    throws
  {
    let cell = try cell(kind)
    let x = Reference.wave(batch * inputs, phase: 0.1)
    let ones = [Float](repeating: 1, count: batch * hidden)
    let d = RecurrentState(hidden: ones, cell: kind == .lstm ? ones.map { _ in 0 } : [])
    let gradient = try cell.backward(x, gradient: d).input
    func total(_ x: [Float]) throws -> Double { try cell.step(x).hidden.reduce(0) { $0 + Double($1) } }
    for index in x.indices {
      var (low, high) = (x, x)
      low[index] -= 0.01
      high[index] += 0.01
      let slope = (try total(high) - total(low)) / Double(high[index] - low[index])
      #expect(abs(slope - Double(gradient[index])) < 2e-4, "\(kind) input \(index)")
    }
  }

  /// The norm of a - b over the norm of b; 0 for two empty lists.
  private func distance(_ a: [Float], _ b: [Float]) -> Double {
    guard a.count == b.count else { return .infinity }
    let difference = zip(a, b).reduce(0) { $0 + Double($1.0 - $1.1) * Double($1.0 - $1.1) }
    let norm = b.reduce(0) { $0 + Double($1) * Double($1) }
    return norm == 0 ? difference : (difference / norm).squareRoot()
  }
}
