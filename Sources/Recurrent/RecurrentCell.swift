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

  /// weight_ih `[gates·H, I]`, weight_hh `[gates·H, H]` and, with bias, bias_ih and bias_hh `[gates·H]`, one after the other.
  ///
  /// They start as the bits that `torch.manual_seed(seed)` and building the same cell would give.
  public var parameters: UnsafeMutableBufferPointer<Float> { model.parameters }
  /// In the order of `parameters`; `backward` adds to them.
  public var gradients: UnsafeMutableBufferPointer<Float> { model.gradients }
  public func zeroGradients() { model.zeroGradients() }
  /// Call this after writing to `parameters`.
  public func parametersChanged() { model.parametersChanged() }

  /// The state after one more step.
  /// - input: `[B, I]`
  /// - state: the state before, `[B, H]` each; nil for zeros.
  public func step(_ input: [Float], _ state: RecurrentState? = nil) -> RecurrentState {
    forward(input, state, .evaluation) { model.finalState! }
  }

  /// Adds the parameters' gradients of one step and returns those of its input `[B, I]` and of the state before it.
  /// - input, state: what `step` was given.
  /// - gradient: that of the state `step` returned.
  public func backward(_ input: [Float], _ state: RecurrentState? = nil, gradient: RecurrentState)
    -> (input: [Float], state: RecurrentState)
  {
    forward(input, state, .training(seed: 0, step: 0)) {
      let none = [Float](repeating: 0, count: gradient.hidden.count)
      let before = model.backward(none, finalState: gradient, wantInitialState: true)!
      return (Array(model.inputGradient!), before)
    }
  }

  /// Runs the step, then `body` while the model may still read the input.
  private func forward<Result>(
    _ input: [Float], _ state: RecurrentState?, _ mode: Model.Mode, body: () -> Result
  )
    -> Result
  {
    precondition(input.count % inputSize == 0, "input is [B, \(inputSize)], not \(input.count) numbers")
    let samples = input.count / inputSize
    if batch?.count != samples {
      batch = Batch(steps: 1, samples: samples, features: inputSize) { _, _, _ in 0 }
    }
    _ = batch!.inputs.update(fromContentsOf: input)
    _ = model.forward(batch!, mode: mode, initialState: state)
    return body()
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
