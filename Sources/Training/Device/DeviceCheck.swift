import CUDA
import Foundation
import Recurrent

/// A small network with made-up batches, trained on the processor and on a device: do they agree?
public struct DeviceCheck: Sendable, CustomStringConvertible {
  public var network: Architecture
  public var loss: Loss = .mse
  public var optimizer = OptimizerSpecification(.adam())
  public var batch = 5
  public var clipNorm: Double?
  public var learningRate = 0.02

  public init(
    _ cell: Architecture.Cell, input: Int = 3, hidden: Int = 7, steps: Int = 4,
    _ readout: Architecture.Readout = .lastStep, head: [Architecture.HeadLayer] = [.linear(2)],
    _ change: (inout DeviceCheck) -> Void = { _ in }
  ) {
    network = Architecture(
      cell: cell, inputSize: input, hiddenSize: cell == .none ? 0 : hidden, steps: steps, head: head)
    network.readout = readout
    change(&self)
  }

  /// For example `2 × lstm 18 both ways, all_steps, mse, adam`.
  public var description: String {
    let cell =
      network.cell == .none
      ? "feed-forward"
      : "\(network.layers) × \(network.cell) \(network.hiddenSize)\(network.bidirectional ? " both ways" : "")"
    return "\(cell), \(network.readout.rawValue), \(loss.name), \("\(optimizer.rule)".prefix { $0 != "(" })"
  }

  /// What a run leaves behind.
  public struct Result: Sendable, Equatable {
    /// Of each step: summed loss, weight, right answers, norm of the mean gradient.
    public var losses: [Double] = []
    public var weights: [Double] = []
    public var right: [Double] = []
    public var norms: [Double] = []
    public var parameters: [Float] = []
    /// Of the trained network for one more batch.
    public var outputs: [Float] = []

    /// The greatest difference of parameters, outputs, losses or norms, relative to the greatest value of its kind.
    public func difference(from other: Result) -> Double {
      guard weights == other.weights else { return .infinity }
      return [
        Self.relative(parameters.map(Double.init), other.parameters.map(Double.init)),
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

extension DeviceCheck {
  var rows: Int { network.outputRows(steps: network.steps, batch: batch) }
  var samples: [Int32] { (0..<Int32(batch)).map { 11 + 3 * $0 } }

  private static func wave(_ count: Int, phase: Double) -> [Float] {
    (0..<count).map { Float(sin(1.3 * Double($0) + phase)) }
  }

  func inputs(_ step: Int) -> [Float] {
    Self.wave(network.steps * batch * network.inputSize, phase: 0.7 * Double(step))
  }

  /// Values, or classes of which some may be the ignored one.
  func targets(_ step: Int) -> (values: [Float], classes: [Int32]) {
    let values = Self.wave(rows * network.outputSize, phase: 0.3 + 0.5 * Double(step))
    guard loss.takesClasses else {
      return (loss == .bceWithLogits ? values.map { $0 * 0.5 + 0.5 } : values, [])
    }
    return ([], (0..<rows).map { Int32((5 * $0 + $0 * $0 + step) % network.outputSize) })
  }
}
