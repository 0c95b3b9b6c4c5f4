import Kernels
import Recurrent
import TestSupport
import Testing

@Suite("Engines equal the cell's equations", .tags(.fast)) struct EquationTests {
  struct Kind: Sendable, CustomTestStringConvertible {
    let cell: Network.Cell
    let nonlinearity: Network.Nonlinearity
    var testDescription: String { "\(cell) \(nonlinearity)" }
  }

  /// Each cell, with each nonlinearity where it has a choice.
  static let kinds = Network.Cell.recurrent.flatMap { cell in
    (CellDescription(cell).takesNonlinearity ? Network.Nonlinearity.allCases : [.tanh])
      .map { Kind(cell: cell, nonlinearity: $0) }
  }

  @Test(arguments: kinds, RandomLayer.Option.allCases)
  func `outputs and final states, of random sizes`(_ kind: Kind, _ option: RandomLayer.Option) throws {
    guard RandomLayer.has(kind.cell, option) else { return }
    let first = UInt64.random(in: 0...UInt64.max / 2)
    for seed in first..<first + 6 {
      let layer = RandomLayer(kind.cell, kind.nonlinearity, option, seed: seed)
      // Layer norm of nearly equal numbers divides their rounding by little.
      let tolerance = option == .layerNorm ? 1e-4 : 2e-6
      for kernels in KernelSet.available.map(\.name) {
        let model = try layer.model(kernels)
        let expected = layer.run(model.parameters.map(Double.init))
        let outputs = Array(
          model.forward(layer.made, mode: .evaluation, initialState: layer.initial))
        let final = try #require(model.finalState)
        for (found, known) in [
          (outputs, expected.outputs), (final.hidden, expected.final.hidden),
          (final.cell, expected.final.cell),
        ] {
          try #require(found.count == known.count)
          #expect(
            relativeDistance(found, known.map { Float($0) }) < tolerance,
            "\(kernels), seed \(seed): \(layer.network)")
        }
      }
    }
  }

  /// Of parameters, inputs and initial states, each along two random directions. relu has points without a derivative: its layers
  /// are always the same.
  @Test(arguments: kinds, [RandomLayer.Option.plain, .projection, .layerNorm, .variant, .variantProjection])
  func `gradients, by central differences`(_ kind: Kind, _ option: RandomLayer.Option) throws {
    guard RandomLayer.has(kind.cell, option) else { return }
    let first = kind.nonlinearity == .relu ? 1 : UInt64.random(in: 0...UInt64.max / 2)
    for seed in first..<first + 3 {
      let layer = RandomLayer(kind.cell, kind.nonlinearity, option, seed: seed)
      let tolerance = option == .layerNorm ? 1e-3 : 2e-5
      var slopes: [String: Double] = [:]
      for kernels in KernelSet.available.map(\.name) {
        let model = try layer.model(kernels)
        let parameters = model.parameters.map(Double.init)
        for part in gradients(model, layer) {
          let size = part.gradient.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
          for phase in [0.3, 1.9] {
            let direction = unit(part.gradient.count, phase: phase)
            // Without the engine, and so the same for each kernel family.
            let key = "\(part.name) \(phase)"
            let slope = slopes[key] ?? slopeOf(layer, parameters, part, direction)
            slopes[key] = slope
            let found = zip(direction, part.gradient).reduce(0) { $0 + $1.0 * Double($1.1) }
            #expect(
              abs(found - slope) <= tolerance * size + 1e-7,
              "\(part.name), \(kernels), seed \(seed): \(layer.network)")
          }
        }
      }
    }
  }

  /// A part of what a number depends on, with the engine's gradient.
  private struct Part {
    let name: String
    let gradient: [Float]
    /// Of the parameters or of a field of the layer, which elements.
    let field: WritableKeyPath<RandomLayer, [Double]>?
    let range: Range<Int>
  }

  private func gradients(_ model: Model, _ layer: RandomLayer) -> [Part] {
    _ = model.forward(layer.made, mode: .training(seed: 0, step: 0), initialState: layer.initial)
    model.zeroGradients()
    let before = model.backward(layer.dOutput, finalState: layer.dFinal, wantInitialState: true)!
    func part(_ name: String, _ gradient: [Float], _ field: WritableKeyPath<RandomLayer, [Double]>) -> Part {
      Part(name: name, gradient: gradient, field: field, range: 0..<gradient.count)
    }
    let parameters = model.layout.entries.map {
      Part(name: $0.name, gradient: Array(model.gradients[$0.range]), field: nil, range: $0.range)
    }
    return parameters
      + [
        part("input", Array(model.inputGradient!), \.inputs), part("h0", before.hidden, \.hidden),
        part("c0", before.cell, \.cell),
      ].filter { !$0.gradient.isEmpty }
  }

  private func unit(_ count: Int, phase: Double) -> [Double] {
    let wave = Reference.wave(count, phase: phase).map(Double.init)
    let norm = wave.reduce(0) { $0 + $1 * $1 }.squareRoot()
    return wave.map { $0 / norm }
  }

  private func slopeOf(
    _ layer: RandomLayer, _ parameters: [Double], _ part: Part, _ direction: [Double]
  ) -> Double {
    func total(at distance: Double) -> Double {
      var (layer, parameters) = (layer, parameters)
      for (index, u) in zip(part.range, direction) {
        if let field = part.field {
          layer[keyPath: field][index] += distance * u
        } else {
          parameters[index] += distance * u
        }
      }
      return layer.total(parameters)
    }
    return (total(at: 1e-5) - total(at: -1e-5)) / 2e-5
  }
}
