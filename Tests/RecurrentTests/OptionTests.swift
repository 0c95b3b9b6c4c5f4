import Batches
import Kernels
import Recurrent
import TestSupport
import Testing

@Suite("Options of a layer", .tags(.fast)) struct OptionTests {
  struct Options: Decodable, Sendable, CustomStringConvertible {
    let cell, readout: String
    let input, steps, outputs, batch, projection: Int
    let hidden: [Int]
    let lengths: [Int32]?
    let bidirectional, bias, relu, locked, layerNorm, residual, learned: Bool
    /// Of cells that PyTorch has not.
    let peepholes, resetAfter: Bool?
    let dropout, inputDropout, recurrentDropout, zoneoutHidden, zoneoutCell: Float

    var network: Network {
      var a = Network(
        .init(rawValue: cell)!, inputs: input, hidden: hidden[0], steps: steps,
        head: [.linear(outputs)])
      a.hiddenSizes = hidden
      a.layers = hidden.count
      a.bidirectional = bidirectional
      a.bias = bias
      a.nonlinearity = relu ? .relu : .tanh
      a.readout = .init(rawValue: readout)!
      a.dropout = dropout
      a.inputDropout = inputDropout
      a.lockedDropout = locked
      a.recurrentDropout = recurrentDropout
      a.zoneout = .init(hidden: zoneoutHidden, cell: zoneoutCell)
      a.projectionSize = projection
      a.layerNorm = layerNorm
      (a.peepholes, a.resetAfter) = (peepholes ?? false, resetAfter ?? true)
      a.residual = residual
      a.learnedInitialState = learned
      return a
    }

    var description: String {
      "\(cell) \(hidden) \(bidirectional ? "bidirectional " : "")\(readout) proj \(projection) norm \(layerNorm) "
        + "peepholes \(peepholes ?? false) reset after \(resetAfter ?? true) residual \(residual) learned \(learned) locked \(locked) drop \(dropout) \(inputDropout) "
        + "\(recurrentDropout) zone \(zoneoutHidden) \(zoneoutCell) \(lengths ?? [])"
    }
  }

  struct Case: Decodable, Sendable {
    let options: Options
    let output, evaluation, projections: Reference.Floats
    let sum: Double
  }

  @Test(arguments: KernelSet.available.map(\.name))
  func `outputs and gradients equal PyTorch's, masks included`(_ kernels: String) throws {
    let cases: [Case] = try Reference.load("options.json")
    #expect(cases.count == 116)
    for (index, expected) in cases.enumerated() { try check(expected, phase: index, kernels) }
  }

  private func check(_ expected: Case, phase: Int, _ kernels: String) throws {
    let run = OptionRun(expected.options, phase: phase)
    let model = try run.model(kernels)
    let name = "\(expected.options)"
    #expect(relativeDistance(run.evaluate(model), expected.evaluation.values) < 1e-5, "\(name)")
    let (output, sum) = run.train(model)
    #expect(relativeDistance(output, expected.output.values) < 1e-5, "\(name)")
    #expect(abs(sum - expected.sum) <= 1e-5 * expected.sum, "\(name)")
    for (index, entry) in model.layout.entries.enumerated() {
      let known = expected.projections.values[3 * index..<3 * index + 3].map(Double.init)
      let found = ProjectionTests().projections(model.gradients[entry.range].map(Double.init))
      // Layer norm of nearly equal numbers divides their rounding by little.
      let tolerance = expected.options.layerNorm ? 1e-4 : 2e-5
      for (i, reach) in [1.0, 4, 4].enumerated() {
        #expect(abs(found[i] - known[i]) <= tolerance * known[0] * reach + 1e-7, "\(entry.name) of \(name)")
      }
    }
  }

  @Test func `the bits are the same for any number of threads`() throws {
    let cases: [Case] = try Reference.load("options.json")
    for (index, given) in cases.enumerated() where given.options.batch == 4 {
      let run = OptionRun(given.options, phase: index, copies: 24)
      let models = try [1, 3].map { try run.model("portable", threads: $0) }
      let outputs = models.map { run.train($0).output }
      #expect(outputs[0] == outputs[1], "\(given.options)")
      #expect(Array(models[0].gradients) == Array(models[1].gradients), "\(given.options)")
    }
  }
}

/// A network with the parameters, inputs and targets of the reference script.
private struct OptionRun {
  let network: Network
  let batch: Int
  let lengths: [Int32]?
  let inputs: [Float]
  let targets: [Float]

  /// - copies: how often each row is repeated, for batches that threads share.
  init(_ options: OptionTests.Options, phase: Int, copies: Int = 1) {
    network = options.network
    batch = options.batch * copies
    lengths = options.lengths.map { $0.flatMap { [Int32](repeating: $0, count: copies) } }
    let rows = lengths.map { $0.reduce(0) { $0 + Int($1) } } ?? options.steps * batch
    let outputs = options.readout == "every_step" ? rows : batch
    inputs = Reference.wave(rows * options.input, phase: Double(phase))
    targets = Reference.wave(outputs * options.outputs, phase: Double(phase) + 0.5)
  }

  func model(_ kernels: String, threads: Int = 1) throws -> Model {
    let model = try Model(network, seed: 0, kernels: KernelSet(named: kernels)!, threads: threads)
    for (i, x) in Reference.wave(model.parameters.count, phase: 0.4).enumerated() {
      model.parameters[i] = x * 0.4
    }
    model.parametersChanged()
    return model
  }

  func evaluate(_ model: Model) -> [Float] { Array(model.forward(made, mode: .evaluation)) }

  /// The output and the summed loss; the mean's gradients are left in the model.
  func train(_ model: Model) -> (output: [Float], sum: Double) {
    let output = model.forward(made, mode: .training(seed: 11, step: 5))
    var gradient = [Float](repeating: 0, count: output.count)
    let total = Loss.mse.evaluate(
      outputs: output.baseAddress!, rows: output.count / network.outputSize,
      width: network.outputSize, values: targets, classes: [], gradient: &gradient)
    let kept = Array(output)
    model.zeroGradients()
    model.backward(gradient.map { $0 / Float(total.weight) })
    return (kept, total.sum)
  }

  private var made: Batch {
    let equal = [Int32](repeating: Int32(network.steps), count: batch)
    return Batch(timeMajor: inputs, features: network.inputSize, lengths: lengths ?? equal)
  }
}
