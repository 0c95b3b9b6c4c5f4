import Diagnostics

extension Network {
  /// A second network that writes a target from what the first one, the encoder, has read: token by token, or number by number.
  public struct Decoder: Sendable, Equatable, Codable {
    public enum Attention: String, Sendable, CaseIterable, Codable { case none, dot, general }

    /// What each step writes, and the next one reads.
    public enum Target: Sendable, Equatable, Codable {
      /// - embedding: of the vector that a token is read as.
      case tokens(vocabulary: Int, embedding: Int)
      case numbers(Numbers)
    }

    /// What is to come after a window, each step by itself.
    public struct Numbers: Sendable, Equatable, Codable {
      /// Steps that are predicted.
      public var steps: Int
      /// Numbers that each step predicts.
      public var targets: Int
      /// Columns of a window's last row that say what is known in advance of the steps: those of the first, then of the second.
      public var known: Range<Int> = 0..<0
      /// The column of a window's last row that the first step reads in the place of each number before it; nil for 0.
      public var starts: [Int?] = []
      /// What a step's outputs say about its numbers.
      public var loss: Loss
      /// The share of a training batch's samples whose steps read the right numbers of the step before; the others read what the
      /// network predicts, as all do in evaluation.
      public var teacherForcing: Float = 1
      public init(steps: Int, targets: Int, loss: Loss) {
        (self.steps, self.targets, self.loss) = (steps, targets, loss)
      }

      /// Columns of what a step reads: the numbers of the step before, and what is known of its own.
      package var inputSize: Int { targets + known.count / steps }
    }

    public var target: Target
    public var attention: Attention = .none

    public init(_ target: Target) { self.target = target }
    /// Of tokens.
    public init(vocabulary: Int, embedding: Int) {
      target = .tokens(vocabulary: vocabulary, embedding: embedding)
    }

    public var numbers: Numbers? { if case .numbers(let numbers) = target { numbers } else { nil } }
    /// Tokens, with their vectors.
    public var embedding: Embedding? {
      guard case .tokens(let vocabulary, let width) = target else { return nil }
      return Embedding(vocabulary: vocabulary, width: width)
    }
  }

  /// The decoder as a network of its own.
  var decoderNetwork: Network {
    var network = self
    network.hiddenSize = outputWidth
    network.bidirectional = false
    network.decoder = nil
    network.categories = []
    network.embedding = decoder?.embedding
    network.embedding?.dropout = embedding?.dropout ?? 0
    if let numbers = decoder?.numbers {
      (network.inputSize, network.steps) = (numbers.inputSize, numbers.steps)
    }
    return network
  }

  /// Whether the head reads each step: of the network's own, or of its decoder.
  var headReadsEveryStep: Bool { readsEveryStep || decoder != nil }

  func validateDecoder() throws(Failure) {
    func require(_ condition: Bool, _ message: @autoclosure () -> String) throws(Failure) {
      if !condition { throw .badData(message()) }
    }
    guard let decoder else { return }
    try require(cell != .none, "model.decoder needs a recurrent cell, not cell: none")
    try require(readout == .everyStep, "model.decoder needs model.readout every_step")
    try require(embedding?.isTied != true, "model.tie_embeddings is not for an encoder-decoder")
    let isPlain =
      !isStepwise && !residual && !learnedInitialState && !lockedDropout && inputDropout == 0
      && hiddenSizes == nil && initialization == Initialization()
    try require(
      isPlain, "model.decoder goes with plain layers of one width, dropout between them and embedding_dropout"
    )
    switch decoder.target {
    case .tokens(let vocabulary, let width):
      try require(
        embedding != nil && vocabulary > 0 && width > 0,
        "model.decoder.embedding must be at least 1, not \(width)")
    case .numbers(let numbers):
      try require(embedding == nil, "a decoder of numbers goes with numbers, not with tokens")
      try require(
        numbers.steps > 0 && numbers.targets > 0 && numbers.known.count % numbers.steps == 0
          && 0...1 ~= numbers.teacherForcing && numbers.known.upperBound <= inputSize
          && numbers.starts.count <= numbers.targets
          && numbers.starts.allSatisfy { $0.map { 0..<inputSize ~= $0 } ?? true },
        "a decoder of numbers has a step at least, a target, and columns that a window has")
    }
  }
}
