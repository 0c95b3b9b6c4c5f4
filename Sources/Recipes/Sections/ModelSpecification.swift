import Recurrent

/// The `model` section: an `Network` that the data have yet to complete.
///
/// All that stands in an `Network` is read and set as if it stood here: `model.hiddenSize`.
@dynamicMemberLookup
public struct ModelSpecification: Sendable, Equatable {
  /// Without features, time steps, embedding and decoder, which depend on the data.
  public var network: Network
  /// N, for tokens; nil for numbers.
  public var embedding: Int?
  public var embeddingDropout: Float = 0
  /// Whether the last linear layer shares the embedding's weight.
  public var tiesEmbeddings = false
  /// Widths of the vectors of categorical columns; nil for `auto`.
  public var categoryEmbedding: CategoryWidths?
  public var categoryDropout: Float = 0
  /// What writes the target of pairs, or the numbers after a window, step by step.
  public var decoder: DecoderSpecification?

  /// The width of a linear layer of the head that the data decide: it gets as many outputs as they have classes.
  public static let classes = 0
  /// The same in a word that suits numbers: as many outputs as the loss needs for all targets.
  public static let targets = -1
  /// Both words.
  static let openWidths: [(word: String, width: Int)] = [("classes", classes), ("targets", targets)]
  /// The word for a width that the data decide; nil for a number.
  public static func word(ofWidth width: Int) -> String? { openWidths.first { $0.width == width }?.word }

  public init(cell: Network.Cell, hiddenSize: Int = 0, head: [Network.HeadLayer]) {
    network = Network(cell, inputs: 0, hidden: hiddenSize, steps: 0, head: head)
  }

  public subscript<Value>(dynamicMember path: WritableKeyPath<Network, Value>) -> Value {
    get { network[keyPath: path] }
    set { network[keyPath: path] = newValue }
  }
}

/// How wide the vectors of categorical columns are.
public enum CategoryWidths: Sendable, Equatable {
  /// Half as many numbers as a column has categories (rounded up), but at most 50.
  case auto
  case all(Int)
  /// Column by column; the others as `auto`.
  case columns([ColumnWidth])

  public struct ColumnWidth: Sendable, Equatable {
    public var name: String
    public var width: Int
    public init(name: String, width: Int) {
      self.name = name
      self.width = width
    }
  }

  /// - categories: of the column, without the one for what training did not see.
  public func width(of column: String?, categories: Int) -> Int {
    switch self {
    case .all(let width): return width
    case .columns(let columns):
      if let own = columns.first(where: { $0.name == column }) { return own.width }
      fallthrough
    case .auto: return min(50, max(1, (categories + 1) / 2))
    }
  }
}

/// The `decoder` section of a model.
public struct DecoderSpecification: Sendable, Equatable {
  /// Of pairs: of the vectors of the target's tokens.
  public var embedding: Int?
  public var attention: Network.Decoder.Attention = .none
  /// Hypotheses that a search keeps, where targets are to be found: in evaluation and prediction.
  public var beam: Int = 1
  /// Of numbers: the share of a training batch that reads the right numbers of the step before; nil for what suits the loss.
  public var teacherForcing: Float?
  public init(embedding: Int? = nil) { self.embedding = embedding }
}
