import Recurrent

/// The `model` section: an `Architecture` that the data have yet to complete.
///
/// All that stands in an `Architecture` is read and set as if it stood here: `model.hiddenSize`.
@dynamicMemberLookup
public struct ModelSpecification: Sendable, Equatable {
  /// Without features, time steps, embedding and decoder, which depend on the data.
  public var network: Architecture
  /// N, for tokens; nil for numbers.
  public var embedding: Int?
  public var embeddingDropout: Float = 0
  /// Whether the last linear layer shares the embedding's weight.
  public var tiesEmbeddings = false
  /// For pairs: what writes the target.
  public var decoder: DecoderSpecification?

  /// The width of a linear layer of the head that the data decide: it gets as many outputs as they have classes.
  public static let classes = 0

  public init(cell: Architecture.Cell, hiddenSize: Int = 0, head: [Architecture.HeadLayer]) {
    network = Architecture(cell: cell, inputSize: 0, hiddenSize: hiddenSize, steps: 0, head: head)
  }

  public subscript<Value>(dynamicMember path: WritableKeyPath<Architecture, Value>) -> Value {
    get { network[keyPath: path] }
    set { network[keyPath: path] = newValue }
  }
}

/// The `decoder` section of a model.
public struct DecoderSpecification: Sendable, Equatable {
  /// Of the vectors of the target's tokens.
  public var embedding: Int
  public var attention: Architecture.Decoder.Attention = .none
  /// Hypotheses that a search keeps, where targets are to be found: in evaluation and prediction.
  public var beam: Int = 1
  public init(embedding: Int) { self.embedding = embedding }
}
