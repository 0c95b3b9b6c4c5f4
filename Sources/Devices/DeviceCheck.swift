import CUDA
import Recurrent
import Training

/// A small network with made-up batches, trained on the processor and on a device: do they agree?
package struct DeviceCheck: Sendable, CustomStringConvertible {
  package var network: Network
  package var loss: Loss = .mse
  package var optimizer = OptimizerSpecification(.adam())
  package var batch = 5
  /// Whether each sequence has an end of its own.
  package var hasLengths = false
  /// Whether rows are windows of streams, whose states are carried from step to step.
  package var isStreamed = false
  package var limits = GradientLimits()
  /// Of an average of the parameters.
  package var averageDecay: Double?
  package var learningRate = 0.02

  package init(
    _ cell: Network.Cell, input: Int = 3, hidden: Int = 7, steps: Int = 4,
    _ readout: Network.Readout = .lastStep, head: [Network.HeadLayer] = [.linear(2)],
    _ change: (inout DeviceCheck) -> Void = { _ in }
  ) {
    network = Network(
      cell, inputs: input, hidden: cell == .none ? 0 : hidden, steps: steps, head: head)
    network.readout = readout
    change(&self)
  }

  /// For example `2 × lstm 18 both ways, all_steps, mse, adam`.
  package var description: String {
    let cell =
      network.cell == .none
      ? "feed-forward"
      : "\(network.layers) × \(network.cell) \(network.hiddenSize)\(network.bidirectional ? " both ways" : "")"
    let kind = [
      network.embedding.map { "\($0.isTied ? "tied " : "")tokens" }, hasLengths ? "lengths" : nil,
      isStreamed ? "streams" : nil, network.layerNorm ? "layer norm" : nil,
      network.projectionSize > 0 ? "projection" : nil, network.zoneout == .init() ? nil : "zoneout",
      network.recurrentDropout > 0 ? "recurrent dropout" : nil, network.lockedDropout ? "locked" : nil,
      network.learnedInitialState ? "learned start" : nil, network.residual ? "residual" : nil,
      averageDecay == nil ? nil : "average",
    ]
    let parts = [cell, network.readout.rawValue, loss.name, "\("\(optimizer.rule)".prefix { $0 != "(" })"]
    return (parts + kind.compactMap { $0 }).joined(separator: ", ")
  }

  /// What a run leaves behind.
  package struct RunResult: Sendable, Equatable {
    /// Of each step: summed loss, weight, right answers, norm of the mean gradient.
    package var losses: [Double] = []
    package var weights: [Double] = []
    package var right: [Double] = []
    package var norms: [Double] = []
    package var parameters: [Float] = []
    /// Of the parameters, and the states of streams, where there are such.
    package var average: [Float] = []
    package var states: [Float] = []
    /// Of the trained network for one more batch.
    package var outputs: [Float] = []

    /// The greatest difference of parameters, outputs, losses or norms, relative to the greatest value of its kind.
    package func difference(from other: RunResult) -> Double {
      guard weights == other.weights else { return .infinity }
      return [
        Self.relative(parameters.map(Double.init), other.parameters.map(Double.init)),
        Self.relative(average.map(Double.init), other.average.map(Double.init)),
        Self.relative(states.map(Double.init), other.states.map(Double.init)),
        Self.relative(outputs.map(Double.init), other.outputs.map(Double.init)),
        Self.relative(losses, other.losses), Self.relative(norms, other.norms),
      ].max()!
    }

    private static func relative(_ a: [Double], _ b: [Double]) -> Double {
      guard a.count == b.count, (a + b).allSatisfy(\.isFinite) else { return .infinity }
      let size = b.map(abs).max() ?? 0
      return (zip(a, b).map { abs($0 - $1) }.max() ?? 0) / max(size, 1e-30)
    }
  }
}
