import Batches
import Kernels
import Recurrent
import TestSupport
import Testing

@Suite("Given and final states", .tags(.fast)) struct StateTests {
  struct Case: Decodable, Sendable, CustomTestStringConvertible {
    let architecture: Reference.NetworkDescription
    let batch: Int
    let seed: UInt64
    let output: Reference.Floats
    /// h, and for LSTM c.
    let final, initialGradient: [Reference.Floats]
    let gradient: Reference.Floats
    var testDescription: String { "\(architecture)" }
  }

  static let cases: [Case] = (try? Reference.load("states.json")) ?? []

  @Test func `there are reference cases`() { #expect(Self.cases.count == 16) }

  @Test(arguments: KernelSet.available.map(\.name), cases)
  func `go in and come out, and so do their gradients`(_ kernels: String, _ expected: Case) throws {
    let batch = ReferenceBatch(expected.architecture, .mse, batch: expected.batch, phase: Int(expected.seed))
    let model = try Model(batch.network, seed: expected.seed, kernels: KernelSet(named: kernels)!)
    let outputs = model.forward(
      batch.made, mode: .training(seed: 0, step: 0), initialState: state(batch, 0.2, 1.1))
    let output = Array(outputs)
    let gradient = batch.meanLoss(outputs, model.kernels).gradient
    let final = model.finalState
    let initialGradient = model.backward(
      gradient, finalState: state(batch, 0.7, 1.9), wantInitialState: true)
    #expect(relativeDistance(output, expected.output.values) < 1e-6)
    try expectEqual(final, expected.final, tolerance: 1e-6)
    try expectEqual(initialGradient, expected.initialGradient, tolerance: 1e-5)
    for entry in model.layout.entries {
      let distance = relativeDistance(model.gradients[entry.range], expected.gradient.values[entry.range])
      #expect(distance < 1e-5, "\(entry.name)")
    }
  }

  /// Waves of these phases as h and, for LSTM, c.
  func state(_ batch: ReferenceBatch, _ hidden: Double, _ cell: Double) -> RecurrentState {
    let a = batch.network
    let count = a.layers * a.directions * batch.batch * a.hiddenSize
    return RecurrentState(
      hidden: Reference.wave(count, phase: hidden),
      cell: a.cell == .lstm ? Reference.wave(count, phase: cell) : [])
  }

  func expectEqual(_ found: RecurrentState?, _ expected: [Reference.Floats], tolerance: Double) throws {
    let found = try #require(found)
    for (values, known) in zip([found.hidden, found.cell], expected.map(\.values)) {
      try #require(values.count == known.count)
      #expect(relativeDistance(values, known) < tolerance)
    }
  }
}
