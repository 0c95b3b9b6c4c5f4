import Batches

extension Model {
  /// The output of an encoder-decoder for one batch of pairs: what comes next at each step of the targets, given what came before.
  /// - Returns: `[rows, outputSize]`
  func forwardPairs(_ batch: Batch, mode: Mode) -> UnsafeMutableBufferPointer<Float> {
    guard let decoder, let source = batch.source else { preconditionFailure("this network has no decoder") }
    let encoded = encode(source, mode)
    var request = request(batch, mode)
    let read = decoder.forward(
      &request, stack!, encoded.rows, sourceRows: source.unsortedIndices,
      UnsafePointer(parameters.baseAddress!))
    last = request
    pair = (encoded, UnsafePointer(source.unsortedIndices))
    return head.forward(read, rows: request.rows.count, request)
  }

  /// Runs the encoder.
  func encode(_ source: Batch, _ mode: Mode) -> Request {
    pack(forBackward: mode != .evaluation)
    var request = request(source, mode)
    lookUpCodes(&request)
    stack!.forward(request, initialState: nil)
    return request
  }

  /// From the gradient of the head's input down to both embeddings.
  func backwardPair(_ request: Request, _ gradients: GradientTarget) {
    guard let decoder, let stack, let pair else { return }
    let below = decoder.backward(
      request, dReadoutBase, pair.source.rows, sourceRows: pair.sourceRows, gradients)
    _ = stack.backward(
      pair.source, dReadout: below.outputs, gradients: gradients, finalState: below.final,
      wantInitialState: false)
    backwardInputs(pair.source, gradients)
  }
}

extension Model.Request {
  /// Turns codes into what the first layer reads: vectors, after numbers if there are, or the tables themselves.
  /// - mayFold: whether the first layer can take the tables.
  /// - smallest: samples of the smallest lane, where there are lanes.
  mutating func lookUp(
    _ embedding: Embedding, _ parameters: UnsafePointer<Float>, mayFold: Bool = true, smallest: Int? = nil
  ) {
    let rows = smallest.map { $0 * self.rows.steps } ?? self.rows.count
    vocabularies = mayFold ? embedding.vocabularies(self, rows: rows, parameters) : []
    if vocabularies.isEmpty { inputs = embedding.forward(self, parameters) }
  }
}
