import Batches
import Kernels
import Recurrent
import TestSupport
import Testing

@Suite("Sequences of different lengths", .tags(.fast)) struct LengthTests {
  struct Case: Decodable, Sendable {
    let architecture: Reference.NetworkDescription
    /// Longest first.
    let lengths: [Int32]
    let seed: UInt64
    /// Whether h0 and c0 are given.
    let initial: Bool
    /// All of it, or every seventh number.
    let output: Reference.Floats
    /// Of the parameters' gradients, then of the initial state's, as in `ProjectionTests`.
    let projections: Reference.Floats
  }

  @Test(arguments: KernelSet.available.map(\.name))
  func `are computed as PyTorch's PackedSequence`(_ kernels: String) throws {
    let cases: [Case] = try Reference.load("lengths.json")
    #expect(cases.count == 96)
    for expected in cases {
      let batch = PackedBatch(expected.architecture.network, expected.lengths, phase: Int(expected.seed))
      for threads in [1, 3] {
        let model = try Model(
          batch.network, seed: expected.seed, kernels: KernelSet(named: kernels)!, threads: threads)
        try check(expected, batch.train(model, initial: expected.initial), model.layout)
      }
    }
  }

  private func check(_ expected: Case, _ found: PackedBatch.Result, _ layout: ParameterLayout) throws {
    let name = "\(expected.architecture), \(expected.lengths), initial \(expected.initial)"
    let known = expected.output.values
    let stride = known.count == found.output.count ? 1 : 7
    #expect(
      relativeDistance(
        Swift.stride(from: 0, to: found.output.count, by: stride).map { found.output[$0] }, known)
        < 1e-6, "\(name)")
    var tensors = layout.entries.map { Array(found.gradients[$0.range]) }
    if expected.initial { tensors += [found.initial.hidden, found.initial.cell].filter { !$0.isEmpty } }
    try #require(expected.projections.values.count == 3 * tensors.count)
    for (index, tensor) in tensors.enumerated() {
      let known = expected.projections.values[3 * index..<3 * index + 3].map(Double.init)
      let parts = ProjectionTests().projections(tensor.map(Double.init))
      for (i, reach) in [1.0, 4, 4].enumerated() {
        #expect(abs(parts[i] - known[i]) <= 1e-5 * known[0] * reach, "tensor \(index) of \(name)")
      }
    }
  }

  /// Neither the others of the batch nor the number of threads change a bit of a sequence's result.
  @Test(
    arguments: [Network.Cell.rnn, .lstm, .gru], [Network.Readout.lastStep, .finalState, .everyStep])
  func `have the bits they have alone`(_ cell: Network.Cell, _ readout: Network.Readout) throws {
    for kernels in KernelSet.available + KernelSet.availableBF16 {
      var a = Network(cell, inputs: 5, hidden: 52, steps: 19, head: [.linear(3)])
      a.layers = 2
      a.bidirectional = true
      a.dropout = 0.3
      a.readout = readout
      let batch = PackedBatch(a, [19, 17, 17, 16, 9, 8, 8, 8, 8, 7, 3, 1], phase: 4)
      let one = try Model(a, seed: 3, kernels: kernels)
      let together = batch.train(one, initial: false)
      for threads in [2, 3, 5] {
        let shared = try Model(a, seed: 3, kernels: kernels, threads: threads)
        let result = batch.train(shared, initial: false)
        #expect(result.output == together.output && result.gradients == together.gradients)
      }
      for row in batch.lengths.indices {
        let alone = batch.alone(row).train(one, initial: false)
        #expect(alone.output == batch.outputs(of: row, in: together.output), "\(kernels.name), row \(row)")
      }
    }
  }

  @Test func `of one length have the bits of a batch without lengths`() throws {
    var a = Network(.gru, inputs: 5, hidden: 24, steps: 6, head: [.linear(3)])
    a.bidirectional = true
    let batch = PackedBatch(a, [6, 6, 6, 6], phase: 1)
    let model = try Model(a, seed: 3)
    let packed = batch.train(model, initial: true)
    let uniform = batch.train(model, initial: true, givesLengths: false)
    #expect(packed.output == uniform.output && packed.gradients == uniform.gradients)
  }
}

/// A batch of sequences of different lengths: waves, as the script in Tests/Reference makes them.
struct PackedBatch {
  let network: Network
  let lengths: [Int32]
  /// `[Σ lengths, F]`, step by step.
  let inputs: [Float]
  let samples: [Int32]
  let phase: Int

  struct Result {
    var output, gradients: [Float]
    var initial: RecurrentState
  }

  init(_ network: Network, _ lengths: [Int32], phase: Int) {
    self.network = network
    self.lengths = lengths
    self.phase = phase
    inputs = Reference.wave(lengths.reduce(0) { $0 + Int($1) } * network.inputSize, phase: Double(phase))
    samples = lengths.indices.map { Int32($0) }
  }

  /// Where the rows of a sequence lie among those of the batch.
  func places(of row: Int) -> [Int] {
    (0..<lengths[row]).map { t in
      (0..<t).reduce(0) { sum, earlier in sum + lengths.count { $0 > earlier } } + row
    }
  }

  func alone(_ row: Int) -> PackedBatch { PackedBatch(self, row) }

  private init(_ batch: PackedBatch, _ row: Int) {
    network = batch.network
    lengths = [batch.lengths[row]]
    phase = batch.phase
    let width = batch.network.inputSize
    inputs = batch.places(of: row).flatMap { batch.inputs[$0 * width..<($0 + 1) * width] }
    samples = [batch.samples[row]]
  }

  func outputs(of row: Int, in all: [Float]) -> [Float] {
    let width = network.outputSize
    let rows = network.readsEveryStep ? places(of: row) : [row]
    return rows.flatMap { all[$0 * width..<($0 + 1) * width] }
  }

  /// Forward, mean squared error to a wave, and backward with gradients for the final states too.
  func train(_ model: Model, initial: Bool, givesLengths: Bool = true) -> Result {
    let a = network
    let count = a.layers * a.directions * lengths.count * a.hiddenSize
    func state(_ hidden: Double, _ cell: Double, over divisor: Float = 1) -> RecurrentState {
      RecurrentState(
        hidden: Reference.wave(count, phase: hidden).map { $0 / divisor },
        cell: a.cell == .lstm ? Reference.wave(count, phase: cell).map { $0 / divisor } : [])
    }
    let given = initial ? state(0.2, 1.1) : nil
    let batch =
      givesLengths
      ? Batch(timeMajor: inputs, features: a.inputSize, lengths: lengths, samples: samples)
      : Batch(timeMajor: inputs, features: a.inputSize, steps: Int(lengths[0]), samples: samples)
    let outputs = Array(
      model.forward(batch, mode: .training(seed: 0, step: 0), initialState: given))
    let targets = Reference.wave(outputs.count, phase: Double(phase) + 0.5)
    let slopes = zip(outputs, targets).map { 2 * ($0 - $1) / Float(outputs.count) }
    model.zeroGradients()
    let before = model.backward(
      slopes, finalState: state(0.7, 1.9, over: 50), wantInitialState: true)!
    return Result(output: outputs, gradients: Array(model.gradients), initial: before)
  }
}
