/// Backward ends where nothing below is trained.
extension Model {
  /// Finds out where that is, once: a step looks nothing up.
  func endBackward() {
    guard decoder == nil else { return }
    let starts = layout.layerStarts()
    // Embeddings lie in front of the first layer.
    trainedStart = (starts + [layout.headStart]).last { $0 <= firstTrained } ?? 0
    trainsInputs = trainedStart == 0
    stack?.lowest = starts.count { $0 < trainedStart }
    stack?.trainsInputs = trainsInputs
  }

  /// Whether anybody reads the gradient of the head's input.
  var trainsBelowHead: Bool {
    guard let stack else { return embedding != nil && trainsInputs }
    return stack.lowest < network.layers
  }

  /// Lanes count the values that were handed over: those that nobody computed are zeros.
  func skipUntrained(_ request: Request, _ target: GradientTarget) {
    guard trainedStart > 0, case .lanes = target else { return }
    // The tables that the first layer reads by themselves were handed over with its own gradients.
    if stack?.lowest == 0, !request.vocabularies.isEmpty { return }
    target.add(0..<trainedStart, batch: request.batch, team) { _ in }
  }
}
