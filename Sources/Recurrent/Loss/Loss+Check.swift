import Batches
import Diagnostics

extension Loss {
  /// Throws `badData`, with one line that says both sides, where this loss can't compare such targets with a network's outputs.
  package func check(_ target: TargetKind, _ network: Network) throws(Failure) {
    let outputs = network.outputSize
    switch (self, target) {
    case (.crossEntropy(_, let weights, _), .classes(let count)):
      guard count <= outputs else {
        throw .badData(
          "the data has \(count) classes, but the network has \(outputs) outputs; widen the last linear of its head (in a recipe model.head)"
        )
      }
      if let weights, weights.count != outputs {
        throw .badData(
          "loss.class_weights has \(weights.count) numbers, but the network has \(outputs) outputs")
      }
    case (_, .values(width: 0)): throw .badData("the data has no targets")
    case (.crossEntropy, .values):
      throw .badData("loss \(name) needs class labels (in a recipe data.label), but the data has numbers")
    case (_, .classes):
      throw .badData(
        "loss \(name) needs numbers (in a recipe data.targets), but the data has class labels; use cross entropy for those"
      )
    case (_, .values(let width)): try checkNumbers(width, network)
    }
  }

  private func checkNumbers(_ width: Int, _ network: Network) throws(Failure) {
    let (outputs, needed) = (network.outputSize, width * outputsPerTarget)
    if outputs != needed {
      let each =
        outputsPerTarget == 1
        ? "" : " and loss \(name) needs \(outputsPerTarget) outputs for each, \(needed) in all"
      let steps = network.decoder?.numbers?.steps ?? 1
      let found = steps == 1 ? "\(outputs) outputs" : "\(outputs / steps) outputs for each of \(steps) steps"
      throw .badData(
        "the data has \(width) target columns\(each), but the network has \(found); "
          + "make the last linear of its head \(needed / steps) (in a recipe model.head, which takes targets too)"
      )
    }
    if needsAnyOutput, let last = network.head.last(where: { !$0.isDropout }), last.isActivation {
      throw .badData(
        "loss \(name) needs outputs that may be any number; end the head with a linear layer (in a recipe model.head)"
      )
    }
  }

  /// Whether outputs are parameters, of which those that must be positive are made so.
  private var needsAnyOutput: Bool {
    switch self {
    case .gaussianNLL, .studentT, .poisson, .negativeBinomial: true
    default: false
    }
  }
}

extension Network.HeadLayer {
  fileprivate var isDropout: Bool { if case .dropout = self { true } else { false } }
  fileprivate var isActivation: Bool { [.relu, .tanh, .sigmoid].contains(self) }
}
