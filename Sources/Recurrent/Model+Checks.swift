import Batches
import Diagnostics

extension Model {
  /// Throws `badData`, with one line that says both sides, where a batch is not what this network reads.
  public func check(_ batch: Batch) throws(Failure) {
    func require(_ condition: Bool, _ message: @autoclosure () -> String) throws(Failure) {
      if !condition { throw .badData(message()) }
    }
    let (shape, rows) = (batch.shape, batch.rows)
    try require(batch.count > 0, "the batch has no samples")
    try require(
      (batch.source != nil) == (decoder != nil && steps == nil), "pairs are for an encoder-decoder of tokens")
    if batch.source == nil {
      try checkTokens(shape)
      try require(
        shape.categories.count == network.categories.count
          && zip(shape.categories, network.categories).allSatisfy { $0 <= $1.vocabulary },
        "this network reads categorical columns of \(network.categories.map(\.vocabulary)) categories, the batch has \(shape.categories)"
      )
    }
    guard network.needsEqualLengths else { return }
    try require(
      rows.isUniform && rows.steps == network.steps,
      "this network reads samples of \(network.steps) steps, the batch has \(rows.isUniform ? "\(rows.steps)" : "several lengths"); "
        + "set `steps`, or read out the last step")
  }

  private func checkTokens(_ shape: SampleShape) throws(Failure) {
    guard let embedding = network.embedding else {
      if shape.vocabulary != nil { throw .badData("this network reads numbers, the batch has tokens") }
      guard shape.features == network.inputSize else {
        throw .badData(
          "this network reads \(network.inputSize) numbers a step, the batch has \(shape.features)")
      }
      return
    }
    guard let vocabulary = shape.vocabulary else {
      throw .badData("this network reads tokens, the batch has numbers")
    }
    guard vocabulary <= embedding.vocabulary else {
      throw .badData("this network knows \(embedding.vocabulary) tokens, the batch has \(vocabulary)")
    }
  }

  /// Throws `badData` where the loss can't compare the batch's targets with this network's outputs.
  package func check(_ batch: Batch, _ loss: Loss) throws(Failure) {
    try check(batch)
    let shape = batch.shape
    guard shape.hasTargetPerStep == network.readsEveryStep else {
      throw .badData(
        shape.hasTargetPerStep
          ? "each step has a target, but this network gives an output for each sample; read out every step"
          : "each sample has a target, but this network gives an output for each step; set `targetsPerStep`")
    }
    try loss.check(shape.target, network)
  }
}
