extension Model {
  /// The sources of a batch of an encoder-decoder.
  public struct Source {
    /// `[Σ lengths]`, step by step, longest first.
    public var tokens: UnsafePointer<Int32>
    /// `[B]` sample numbers and lengths of the sources, longest first.
    public var samples: UnsafePointer<Int32>
    public var lengths: UnsafePointer<Int32>
    /// `[B]`: for each target, longest first, the row of its source.
    public var places: UnsafePointer<Int32>

    public init(
      tokens: UnsafePointer<Int32>, samples: UnsafePointer<Int32>, lengths: UnsafePointer<Int32>,
      places: UnsafePointer<Int32>
    ) {
      self.tokens = tokens
      self.samples = samples
      self.lengths = lengths
      self.places = places
    }
  }

  /// The output of an encoder-decoder for one batch: what comes next at each step of the targets, given what came before.
  ///
  /// All pointers must stay valid until `backward` returns.
  /// - tokens: the targets' tokens, each shifted by one behind a token that begins it: `[Σ lengths]`, step by step.
  /// - samples, lengths: of the targets, longest first.
  /// - Returns: `[Σ lengths, outputSize]`, valid until the next call.
  public func forward(
    source: Source, tokens: UnsafePointer<Int32>, samples: UnsafePointer<Int32>,
    lengths: UnsafePointer<Int32>, batch: Int, mode: Mode
  ) -> UnsafeMutableBufferPointer<Float> {
    guard let decoder else { preconditionFailure("this network has no decoder") }
    let encoded = encode(source, batch: batch, mode: mode)
    var request = Batch(
      inputs: UnsafePointer(parameters.baseAddress!), tokens: tokens, samples: samples,
      rows: BatchRows(lengths: lengths, batch: batch, table: targetOffsets), mode: mode)
    let read = decoder.forward(
      &request, stack!, encoded.rows, places: source.places, UnsafePointer(parameters.baseAddress!))
    last = request
    pair = (encoded, source.places)
    return head.forward(read, rows: request.rows.count, request)
  }

  /// Runs the encoder.
  func encode(_ source: Source, batch: Int, mode: Mode) -> Batch {
    pack(forBackward: mode != .evaluation)
    let parameters = UnsafePointer(parameters.baseAddress!)
    var request = Batch(
      inputs: parameters, tokens: source.tokens, samples: source.samples,
      rows: BatchRows(lengths: source.lengths, batch: batch, table: offsets), mode: mode)
    request.lookUp(embedding!, parameters)
    stack!.forward(request, initialState: nil)
    return request
  }

  /// From the gradient of the head's input down to both embeddings.
  func backwardPair(_ request: Batch, _ gradients: GradientTarget) {
    guard let decoder, let stack, let pair else { return }
    let below = decoder.backward(
      request, dReadoutBase, pair.source.rows, places: pair.places, gradients)
    _ = stack.backward(
      pair.source, dReadout: below.outputs, gradients: gradients, finalState: below.final,
      wantInitialState: false)
    if pair.source.vocabulary == nil {
      embedding!.backward(pair.source, dVectors: stack.dInputs.base, gradients)
    }
  }
}

extension Model.Batch {
  /// Turns tokens into what the first layer reads: vectors, or the whole vocabulary where that is less work.
  /// - mayFold: whether the first layer can take the vocabulary.
  /// - smallest: samples of the smallest lane, where there are lanes.
  mutating func lookUp(
    _ embedding: Embedding, _ parameters: UnsafePointer<Float>, mayFold: Bool = true, smallest: Int? = nil
  ) {
    let rows = smallest.map { $0 * self.rows.steps } ?? self.rows.count
    vocabulary = mayFold ? embedding.vocabulary(self, rows: rows, parameters) : nil
    if vocabulary == nil { inputs = embedding.forward(self, parameters) }
  }
}
