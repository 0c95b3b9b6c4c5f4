import Batches
import Diagnostics
import Kernels

/// One step of a recurrent layer, for programs that loop over time themselves: `torch.nn.RNNCell`, `LSTMCell`, `GRUCell`.
///
/// A cell keeps nothing between calls, so that one cell can run over many sequences; `backward` is given what `step` was given and
/// computes the step again. For whole sequences `Model` is many times faster.
public class RecurrentCell {
  public let inputSize: Int
  public let hiddenSize: Int
  private let model: Model
  /// That of the last call, filled anew by the next one of as many samples.
  private var batch: Batch?

  init(_ network: Network, seed: UInt64) throws(Failure) {
    var network = network
    network.readout = .finalState
    inputSize = network.inputSize
    hiddenSize = network.hiddenSize
    model = try Model(network, seed: seed, wantsInputGradient: true)
  }

  /// Where each parameter lies: weight_ih `[gates·H, I]`, weight_hh `[gates·H, H]` and, with bias, bias_ih and bias_hh `[gates·H]`, one
  /// after the other.
  public var layout: ParameterLayout { model.layout }
  /// In the order of `layout`. They start as the bits that `torch.manual_seed(seed)` and building the same cell would give.
  public var parameters: [Float] { Array(model.parameters) }
  /// In the order of `layout`; `backward` adds to them.
  public var gradients: [Float] { Array(model.gradients) }
  /// Sets all gradients to zero.
  public func zeroGradients() { model.zeroGradients() }
  /// Changes the parameters by their gradients.
  public func update<Result>(
    _ body: (_ parameters: inout MutableSpan<Float>, _ gradients: Span<Float>) throws -> Result
  ) rethrows -> Result {
    try model.update(body)
  }

  /// The state after one more step.
  /// - Parameters:
  ///   - input: `[B, I]`
  ///   - state: the state before, `[B, H]` each; nil for zeros.
  /// - Throws: `badData` where the sizes don't fit.
  public func step(_ input: [Float], _ state: RecurrentState? = nil) throws(Failure) -> RecurrentState {
    try forward(input, state, .evaluation)
    return model.finalState!
  }

  /// Adds the parameters' gradients of one step and returns those of its input `[B, I]` and of the state before it.
  /// - Parameters:
  ///   - input: what `step` was given, as `state`.
  ///   - gradient: that of the state `step` returned.
  /// - Throws: `badData` where the sizes don't fit.
  public func backward(_ input: [Float], _ state: RecurrentState? = nil, gradient: RecurrentState)
    throws(Failure) -> (input: [Float], state: RecurrentState)
  {
    try check(gradient, "the gradient", samples: input.count / inputSize)
    try forward(input, state, .training(seed: 0, step: 0))
    let none = [Float](repeating: 0, count: gradient.hidden.count)
    let before = model.backward(none, finalState: gradient, wantInitialState: true)!
    return (Array(model.inputGradient!), before)
  }

  private func forward(_ input: [Float], _ state: RecurrentState?, _ mode: Model.Mode) throws(Failure) {
    guard !input.isEmpty, input.count % inputSize == 0 else {
      throw .badData("the input is [B, \(inputSize)], not \(input.count) numbers")
    }
    let samples = input.count / inputSize
    if let state { try check(state, "the state", samples: samples) }
    if let batch, batch.count == samples {
      _ = batch.inputs.update(fromContentsOf: input)
    } else {
      batch = Batch(timeMajor: input, features: inputSize, steps: 1)
    }
    _ = model.forward(batch!, mode: mode, initialState: state)
  }

  private func check(_ state: RecurrentState, _ what: String, samples: Int) throws(Failure) {
    let hidden = samples * hiddenSize
    let cell = model.network.cell.hasCellState ? hidden : 0
    guard state.hidden.count == hidden, state.cell.count == cell else {
      throw .badData(
        "\(what) is [\(samples), \(hiddenSize)], not \(state.hidden.count) numbers and \(state.cell.count) of c"
      )
    }
  }
}

/// h' = tanh(W_ih·x + b_ih + W_hh·h + b_hh), or relu.
public final class RNNCell: RecurrentCell {
  public init(
    inputs: Int, hidden: Int, nonlinearity: Network.Nonlinearity = .tanh, bias: Bool = true,
    seed: UInt64
  ) throws(Failure) {
    var a = Network(.rnn, inputs: inputs, hidden: hidden, head: [])
    a.nonlinearity = nonlinearity
    a.bias = bias
    try super.init(a, seed: seed)
  }
}

/// c' = f·c + i·g, h' = o·tanh(c'), gates in the order i f g o.
public final class LSTMCell: RecurrentCell {
  public init(inputs: Int, hidden: Int, bias: Bool = true, seed: UInt64) throws(Failure) {
    var a = Network(.lstm, inputs: inputs, hidden: hidden, head: [])
    a.bias = bias
    try super.init(a, seed: seed)
  }
}

/// n = tanh(W_in·x + b_in + r·(W_hn·h + b_hn)), h' = (1 - z)·n + z·h, gates in the order r z n.
public final class GRUCell: RecurrentCell {
  public init(inputs: Int, hidden: Int, bias: Bool = true, seed: UInt64) throws(Failure) {
    var a = Network(.gru, inputs: inputs, hidden: hidden, head: [])
    a.bias = bias
    try super.init(a, seed: seed)
  }
}
