import Diagnostics

/// What a network is made of, independent of its parameters: cell, sizes, readout, head.
///
/// The vocabulary is PyTorch's `torch.nn.RNN`, `LSTM`, `GRU` and `Linear`.
public struct Architecture: Sendable, Equatable {
  public enum Cell: String, Sendable, CaseIterable {
    case rnn, lstm, gru
    /// No recurrent part: the head sees the `T × F` inputs of a sample as one vector.
    case none
  }
  public enum Nonlinearity: String, Sendable, CaseIterable { case tanh, relu }
  /// What the head reads.
  public enum Readout: String, Sendable, CaseIterable {
    /// The last time step of the output, `output[:, -1]`: `[B, D·H]`.
    case lastStep = "last_step"
    /// `h_n` of the last layer, both directions: `[B, D·H]`. The backward half has seen the whole sequence.
    case finalState = "final_state"
    /// All outputs flattened, `output.reshape(B, -1)`: `[B, T·D·H]`.
    case allSteps = "all_steps"
    /// The head at each step (many-to-many): `[T·B, D·H]`, time-major.
    case everyStep = "every_step"
  }
  public enum HeadLayer: Sendable, Equatable {
    case linear(Int, bias: Bool = true)
    case relu, tanh, sigmoid
    case dropout(Float)
  }

  /// Inputs that are tokens of a vocabulary become vectors first: `torch.nn.Embedding`.
  public struct Embedding: Sendable, Equatable {
    public var vocabulary: Int
    public var width: Int
    /// Probability of dropping an element of a vector, `0..<1`.
    public var dropout: Float = 0
    /// Whether the last linear layer has the same weight.
    public var isTied = false
    public init(vocabulary: Int, width: Int) {
      self.vocabulary = vocabulary
      self.width = width
    }
  }

  /// A second network that writes a target from what the first one, the encoder, has read.
  public struct Decoder: Sendable, Equatable {
    public enum Attention: String, Sendable, CaseIterable { case none, dot, general }
    /// Tokens of the target.
    public var vocabulary: Int
    /// Of the vectors of its tokens.
    public var embedding: Int
    public var attention: Attention = .none
    public init(vocabulary: Int, embedding: Int) {
      self.vocabulary = vocabulary
      self.embedding = embedding
    }
  }

  public var cell: Cell
  public var nonlinearity: Nonlinearity = .tanh
  /// Numbers per step; not used with an embedding.
  public var inputSize: Int
  public var embedding: Embedding?
  /// Its layers are those of the encoder in number and kind, D·H wide. It needs an embedding, and `every_step`.
  public var decoder: Decoder?
  /// Where given, all parameters start uniform in ±this, not as PyTorch's modules start them.
  public var initRange: Float?
  public var hiddenSize: Int = 0
  public var layers: Int = 1
  public var bidirectional: Bool = false
  public var bias: Bool = true
  /// Probability of dropping an output between recurrent layers, `0..<1`.
  public var dropout: Float = 0
  public var readout: Readout = .lastStep
  /// Time steps per sample; `all_steps` and `cell: none` need it to size the first linear layer.
  public var steps: Int
  public var head: [HeadLayer]

  public init(cell: Cell, inputSize: Int, hiddenSize: Int = 0, steps: Int, head: [HeadLayer]) {
    self.cell = cell
    self.inputSize = inputSize
    self.hiddenSize = hiddenSize
    self.steps = steps
    self.head = head
  }

  /// D: 2 for a bidirectional network.
  public var directions: Int { bidirectional ? 2 : 1 }
  /// The width of what the first layer reads.
  public var inputWidth: Int { embedding?.width ?? inputSize }
  /// The width of the recurrent part's output, D·H; of the input where there is no recurrent part.
  public var outputWidth: Int { cell == .none ? inputSize : directions * hiddenSize }
  /// The width of what the head reads.
  public var readoutWidth: Int {
    cell == .none || readout == .allSteps ? steps * outputWidth : outputWidth
  }
  /// The width of the network's output: the last linear layer's, or the readout's without one.
  public var outputSize: Int {
    for case .linear(let width, _) in head.reversed() { return width }
    return readoutWidth
  }
  /// Whether there is an output for each time step.
  public var readsEveryStep: Bool { cell != .none && readout == .everyStep }
  /// Output rows of a batch: T·B for `every_step`, else B.
  public func outputRows(steps: Int, batch: Int) -> Int { readsEveryStep ? steps * batch : batch }
  /// Whether the first linear layer's size depends on the number of steps.
  public var needsEqualLengths: Bool { cell == .none || readout == .allSteps }

  /// Throws a `Failure` that names the first key whose value can't work.
  public func validate() throws(Failure) {
    func require(_ condition: Bool, _ message: @autoclosure () -> String) throws(Failure) {
      if !condition { throw .badData(message()) }
    }
    try require(embedding != nil || inputSize > 0, "the data has no features")
    try require(steps > 0, "the data has no time steps")
    if cell != .none {
      try require(hiddenSize > 0, "model.hidden_size must be at least 1, not \(hiddenSize)")
      try require(layers > 0, "model.num_layers must be at least 1, not \(layers)")
      try require(
        dropout >= 0 && dropout < 1, "model.dropout must be at least 0 and below 1, not \(dropout)")
    }
    for layer in head {
      switch layer {
      case .linear(let width, _):
        try require(width > 0, "model.head: linear needs a width of at least 1, not \(width)")
      case .dropout(let p):
        try require(p >= 0 && p < 1, "model.head: dropout must be at least 0 and below 1, not \(p)")
      case .relu, .tanh, .sigmoid: break
      }
    }
    guard let embedding else { return }
    try require(cell != .none, "model.embedding needs a recurrent cell, not cell: none")
    try require(embedding.width > 0, "model.embedding must be at least 1, not \(embedding.width)")
    try require(embedding.vocabulary > 0, "the vocabulary is empty")
    try require(
      embedding.dropout >= 0 && embedding.dropout < 1,
      "model.embedding_dropout must be at least 0 and below 1, not \(embedding.dropout)")
    if let decoder {
      try require(readout == .everyStep, "model.decoder needs model.readout every_step")
      try require(!embedding.isTied, "model.tie_embeddings is not for an encoder-decoder")
      try require(
        decoder.vocabulary > 0 && decoder.embedding > 0,
        "model.decoder.embedding must be at least 1, not \(decoder.embedding)")
    }
    guard embedding.isTied else { return }
    let last = linearWidths.last
    try require(
      last?.inputs == embedding.width && last?.outputs == embedding.vocabulary,
      "model.tie_embeddings: the last linear layer reads \(last?.inputs ?? 0) numbers and gives \(last?.outputs ?? 0), but the "
        + "embedding has \(embedding.width) for each of \(embedding.vocabulary) tokens; make them equal")
  }

  /// The decoder as a network of its own.
  var decoderNetwork: Architecture {
    var network = self
    network.hiddenSize = outputWidth
    network.bidirectional = false
    network.decoder = nil
    network.embedding = decoder.map { Embedding(vocabulary: $0.vocabulary, width: $0.embedding) }
    network.embedding?.dropout = embedding?.dropout ?? 0
    return network
  }

  /// Sizes of the head's linear layers.
  var linearWidths: [(inputs: Int, outputs: Int, hasBias: Bool)] {
    var width = readoutWidth
    var widths: [(inputs: Int, outputs: Int, hasBias: Bool)] = []
    for case .linear(let outputs, let bias) in head {
      widths.append((width, outputs, bias))
      width = outputs
    }
    return widths
  }
}
