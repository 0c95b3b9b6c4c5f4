import Diagnostics

extension Network {
  /// Refuses a network whose memory can't be had, before any of it is taken. What is asked for is less than what will be used.
  /// - slots: values of the optimizer for each parameter.
  /// - rows: time steps of all sequences of a training batch. batch: its sequences.
  /// - Throws: `unavailable` with the key of a recipe to make smaller.
  package func requireMemory(_ layout: ParameterLayout, slots: Int, rows: Int, batch: Int) throws(Failure) {
    // Parameters, gradients, and the weights once more in the order of the kernels. Numbers may be beyond `Int`.
    let parameters = 4 * Double(3 + slots) * Double(layout.count)
    let step = 4 * (Double(rows) * valuesPerRow + outputs(rows: readsEveryStep ? rows : batch))
    let what = parameters >= step ? "\(layout.count) parameters need" : "a batch of \(batch) sequences needs"
    let key = parameters >= step ? largestKey(layout) : "train.batch_size"
    try AvailableMemory.require(parameters + step, for: what, fix: "make \(key) smaller")
  }

  /// The outputs and their gradient; of many classes, the outputs of some rows at a time.
  private func outputs(rows: Int) -> Double {
    guard outputSize < JoinedLoss.fewestOutputs else {
      return Double(min(rows, JoinedLoss.blockRows(rows, outputs: outputSize))) * Double(outputSize)
    }
    return 2 * Double(rows) * Double(outputSize)
  }

  /// What forward keeps of one time step of one sequence: inputs, gates and outputs of each layer.
  private var valuesPerRow: Double {
    guard cell != .none else { return Double(inputWidth) }
    return (0..<layers).reduce(Double(inputWidth)) {
      $0 + Double(directions) * Double(cell.gateCount * hiddenSize(of: $1) + width(of: $1))
    }
  }

  /// The key that decides on the largest parameter.
  private func largestKey(_ layout: ParameterLayout) -> String {
    let name = layout.entries.max { $0.range.count < $1.range.count }?.name ?? ""
    if name.utf8.starts(with: "fc".utf8) { return "model.head, model.hidden_size or the number of classes" }
    if name.utf8.starts(with: "category_embeddings".utf8) {
      return "model.category_embedding or the number of categories"
    }
    if name.utf8.starts(with: "embedding".utf8) { return "model.embedding or the vocabulary" }
    return "model.hidden_size"
  }
}
