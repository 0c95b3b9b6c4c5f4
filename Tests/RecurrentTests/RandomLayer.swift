import Batches
import Kernels
import Recurrent
import TestSupport

/// A layer of random sizes with a random batch, and its numbers by the cell's equations in double precision.
struct RandomLayer {
  /// What a layer has beside its plain cell.
  enum Option: CaseIterable {
    case plain, projection, layerNorm, zoneout, variant, variantZoneout, variantProjection

    /// Of a cell that PyTorch does not have: with peepholes, or with an early reset gate.
    var isVariant: Bool { [.variant, .variantZoneout, .variantProjection].contains(self) }
    var isProjected: Bool { self == .projection || self == .variantProjection }
  }

  let network: Network
  let batch: Int
  /// `[T, B, I]`, and the states before the first step `[D, B, P]` and `[D, B, H]`.
  var inputs, hidden, cell: [Double]
  /// What outputs `[T, B, D·P]` and final states are multiplied with in the number whose gradient is taken.
  let dOutput: [Float]
  let dFinal: RecurrentState
  private let seed: UInt64

  init(_ kind: Network.Cell, _ nonlinearity: Network.Nonlinearity, _ option: Option, seed: UInt64) {
    self.seed = seed
    var random = SplitMix(state: seed)
    func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }
    func numbers(_ count: Int) -> [Float] {
      (0..<count).map { _ in Float(Double.random(in: -1...1, using: &random)) }
    }
    let facts = CellDescription(kind)
    var a = Network(
      kind, inputs: number(1...20), hidden: number(4...36), steps: number(1...5), head: [])
    a.nonlinearity = nonlinearity
    a.readout = .everyStep
    a.bidirectional = number(0...1) == 1
    a.bias = number(0...3) > 0
    if option.isProjected { a.projectionSize = number(1...a.hiddenSize - 1) }
    if option.isVariant { (a.peepholes, a.resetAfter) = (kind == .lstm, kind != .gru) }
    switch option {
    case .plain, .projection, .variant, .variantProjection: break
    case .layerNorm: a.layerNorm = true
    case .zoneout, .variantZoneout: a.zoneout = .init(hidden: 0.25, cell: facts.hasCellState ? 0.5 : 0)
    }
    network = a
    batch = number(1...5)
    inputs = numbers(a.steps * batch * a.inputSize).map(Double.init)
    let rows = a.directions * batch
    hidden = numbers(rows * a.width(of: 0)).map(Double.init)
    cell = facts.hasCellState ? numbers(rows * a.hiddenSize).map(Double.init) : []
    dOutput = numbers(a.steps * batch * a.outputWidth)
    dFinal = RecurrentState(
      hidden: numbers(hidden.count), cell: facts.hasCellState ? numbers(cell.count) : [])
  }

  /// Whether a layer can have this.
  static func has(_ kind: Network.Cell, _ option: Option) -> Bool {
    (!option.isProjected || CellDescription(kind).takesProjection) && (!option.isVariant || kind != .rnn)
  }

  /// With parameters that differ from each other in all places: norms start as ones and zeros.
  func model(_ kernels: String) throws -> Model {
    let model = try Model(
      network, seed: seed, kernels: KernelSet(named: kernels)!, wantsInputGradient: true)
    for (index, wave) in Reference.wave(model.parameters.count, phase: 0.4).enumerated() {
      model.parameters[index] += 0.2 * wave
    }
    model.parametersChanged()
    return model
  }

  var made: Batch {
    Batch(timeMajor: inputs.map { Float($0) }, features: network.inputSize, steps: network.steps)
  }
  var initial: RecurrentState {
    RecurrentState(hidden: hidden.map { Float($0) }, cell: cell.map { Float($0) })
  }

  /// Outputs `[T, B, D·P]` and final states.
  func run(_ parameters: [Double]) -> (outputs: [Double], final: (hidden: [Double], cell: [Double])) {
    let a = network
    let (layout, width) = (ParameterLayout(a), a.width(of: 0))
    var outputs = [Double](repeating: .nan, count: dOutput.count)
    var final: (hidden: [Double], cell: [Double]) = ([], [])
    for direction in 0..<a.directions {
      let layer = ReferenceLayer(a, layer: 0, direction: direction, layout, parameters)
      for b in 0..<batch {
        let row = direction * batch + b
        var state = ReferenceLayer.LayerState(
          hidden: Array(hidden[row * width..<(row + 1) * width]),
          cell: cell.isEmpty ? [] : Array(cell[row * a.hiddenSize..<(row + 1) * a.hiddenSize]))
        for index in 0..<a.steps {
          let at = (direction == 0 ? index : a.steps - 1 - index) * batch + b
          state = layer.step(Array(inputs[at * a.inputSize..<(at + 1) * a.inputSize]), state)
          outputs.replaceSubrange(
            at * a.outputWidth + direction * width..<at * a.outputWidth + (direction + 1) * width,
            with: state.hidden)
        }
        final.hidden += state.hidden
        final.cell += state.cell
      }
    }
    return (outputs, final)
  }

  /// The number whose gradient is taken.
  func total(_ parameters: [Double]) -> Double {
    let result = run(parameters)
    func product(_ values: [Double], _ factors: [Float]) -> Double {
      zip(values, factors).reduce(0) { $0 + $1.0 * Double($1.1) }
    }
    return product(result.outputs, dOutput) + product(result.final.hidden, dFinal.hidden)
      + product(result.final.cell, dFinal.cell)
  }
}
