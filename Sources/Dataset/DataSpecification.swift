import Batches
import Files

/// What the `data` section of a recipe says: which file, which columns, how it becomes samples.
public struct DataSpecification: Sendable, Equatable {
  public enum Format: String, Sendable, CaseIterable { case csv, idx, npy, ts, text, tagged, pairs }
  public typealias Tokens = TokenKind
  public enum Scaling: String, Sendable, CaseIterable { case none, minmax, standard }
  public enum ScaleFit: String, Sendable, CaseIterable { case train, all }
  /// What to do with an empty CSV field.
  public enum GapPolicy: String, Sendable, CaseIterable {
    /// Refuse the file, naming line and column (the default).
    case error
    /// Leave the row out; windows then join the rows on both sides.
    case drop
    /// Repeat the last value of the column.
    case previous
    /// A straight line between the neighbours.
    case linear
  }
  /// The size of one part of the split.
  public enum Share: Sendable, Equatable {
    case count(Int)
    /// Of all samples, in 0...1, rounded down.
    case fraction(Double)
    /// What the other parts leave.
    case rest
  }
  public struct Split: Sendable, Equatable {
    public var train: Share?
    public var validation: Share?
    public var test: Share?
    public init(train: Share? = nil, validation: Share? = nil, test: Share? = nil) {
      self.train = train
      self.validation = validation
      self.test = test
    }
  }

  public var format: Format
  /// Absolute path of a file; for idx the folder with the four standard files, gzipped or not.
  public var path: String
  public var validationPath: String?
  public var testPath: String?
  /// npy: the file with the labels (integers) or target values (floats) that belong to `path`, and likewise for the others.
  public var labelsPath: String?
  public var validationLabelsPath: String?
  public var testLabelsPath: String?
  /// csv: column names, or numbers from 0 where there is no header.
  public var features: [String] = []
  /// csv: the columns to predict as numbers.
  public var targets: [String] = []
  /// csv: the one column that holds a class label (any text); excludes `targets`.
  public var label: String?
  /// csv: the column (any text) that names the sequence a row belongs to; the rows of one stand together. Each sequence is a
  /// sample, as long as it is, with the target of its last row. Excludes `window` and `horizon`.
  public var group: String?
  /// csv: whether the first line names the columns.
  public var header: Bool = true
  /// csv: one character.
  public var delimiter: String = ","
  public var gaps: GapPolicy = .error
  public var scale: Scaling = .none
  public var fitScaleOn: ScaleFit = .train
  /// csv: rows per sample.
  public var window: Int = 1
  /// csv: how far behind the window's last row the target lies; 0 is the last row itself.
  public var horizon: Int = 0
  /// csv: several of these, ascending; each target at each of them is one output. nil for `horizon` alone.
  public var horizons: [Int]?
  /// csv: whether each step of a sample has a target (`horizon` rows behind it), not only the last.
  public var perStep: Bool = false
  public var split: Split = Split()
  /// text; of pairs the sources' (characters or words).
  public var tokens: Tokens = .char
  /// pairs: what targets are cut into; nil for `tokens`.
  public var targetTokens: Tokens?
  /// For prediction. csv: columns of targets or labels may be missing or have empty fields and words like `NA`, and samples reach to the
  /// last row. pairs: lines may be a source alone, and a target with tokens that are not known is left out.
  public var areTargetsOptional: Bool = false
  /// What numbers to predict may be after scaling, because of the loss; nil for any.
  public var targetRange: ClosedRange<Float>?
  /// text, tagged and pairs: tokens that occur less often are all one, `<unk>`.
  public var minCount: Int = 1
  /// tagged: the columns of token and tag, from 0.
  public var tokenColumn: Int = 0
  public var tagColumn: Int = 1
  /// text and tagged: the most tokens in the vocabulary, the most frequent ones; nil for all.
  public var vocabulary: Int?
  /// text: tokens per window; gradients do not reach further back.
  public var sequenceLength: Int = 35

  /// What `path` was named by, for messages.
  package var pathName = "data.path"
  /// Whether a FIFO or `-` will do for a file: not where several processes read it.
  var allowsStreams = false

  /// The files it names; of a folder those in it.
  package var files: [String] {
    let paths =
      [path] + [validationPath, testPath, labelsPath, validationLabelsPath, testLabelsPath].compactMap { $0 }
    return paths + (format == .idx ? Paths.files(in: path) : [])
  }

  public init(format: Format, path: String) {
    self.format = format
    self.path = path
  }
}
