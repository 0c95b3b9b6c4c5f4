import Batches

/// How a model reads a batch.
extension Model {
  /// A batch as the stack, the decoder and the head read it.
  struct Request {
    /// Keeps the memory until the next forward.
    var owner: Batch?
    /// `[rows, F + N]`; `[rows, F]` where the first layer takes the tables of the vectors.
    var inputs: UnsafePointer<Float>
    /// Tokens, or the codes of categories `[rows, C]`.
    var codes: UnsafePointer<Int32>?
    var vocabularies: [ProjectedTable] = []
    var samples: UnsafePointer<Int32>
    var rows: BatchRows
    var mode: Mode
    var carried: Carried?
    var steps: Int { rows.steps }
    var batch: Int { rows.batch }
  }

  /// The states a batch's rows begin from and leave behind.
  struct Carried {
    var states: StreamStates
    /// `[B]`, the stream of each sample; each stream once.
    var streams: UnsafePointer<Int32>
  }

  /// Looks the codes of tokens or categories up, or has the first layer take their tables.
  func lookUpCodes(_ request: inout Request) {
    guard let embedding else { return }
    let isEvaluated = request.mode == .evaluation
    let mayFold =
      network.categories.isEmpty
      ? !network.isStepwise && (network.inputDropout == 0 || isEvaluated)
      : stack?.foldsCategories == true
    request.lookUp(
      embedding, UnsafePointer(parameterBuffer.base), mayFold: mayFold,
      smallest: isEvaluated ? nil : smallestLane)
  }

  /// A batch to read. Its codes are not looked up yet.
  func request(_ batch: Batch, _ mode: Mode) -> Request {
    let readsTokens = network.embedding != nil
    precondition(
      (batch.tokens != nil) == readsTokens, "this network reads \(readsTokens ? "tokens" : "numbers")")
    precondition(
      batch.shape.categories.count == network.categories.count,
      "this network reads \(network.categories.count) categorical columns")
    let codes = batch.tokens ?? batch.categories
    let inputs = readsTokens ? UnsafePointer(parameterBuffer.base) : UnsafePointer(batch.inputs.baseAddress!)
    return Request(
      owner: batch, inputs: inputs, codes: codes.map { UnsafePointer($0) }, samples: batch.numbers,
      rows: batch.rows, mode: mode)
  }
}
