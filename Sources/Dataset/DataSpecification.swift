import Batches
import Files

/// What the `data` section of a recipe says: which file, which columns, how it becomes samples.
public struct DataSpecification: Sendable, Equatable {
  public enum Format: String, Sendable, CaseIterable { case csv, idx, npy, ts, text, tagged, pairs }
  public typealias Tokens = TokenKind
  public enum Scaling: String, Sendable, CaseIterable { case none, minmax, standard }
  public enum ScaleFit: String, Sendable, CaseIterable { case train, all }
  /// What to do with a missing value of a table, or of a series of `ts`.
  public enum GapPolicy: String, Sendable, CaseIterable {
    /// Refuse the file, naming line and column (the default).
    case refuse
    /// Leave the row out; windows then join the rows on both sides.
    case drop
    /// Repeat the last value of the column.
    case previous
    /// A straight line between the neighbours.
    case linear
    /// A feature takes the mean of its training rows; a target that is missing counts nowhere.
    case mean
    /// The same, and beside each feature stands whether it was observed (1) or not (0).
    case mask
  }
  /// Over what a scale is fitted.
  public enum ScalePer: String, Sendable, CaseIterable { case all, series }
  /// What the shares of a split are of.
  public enum SplitUnit: String, Sendable, CaseIterable {
    /// Of the samples of each series.
    case windows
    /// Of the rows of each series: a sample is where all its targets are.
    case rows
    /// Of the times of all series: a sample is where all its targets are. A share may be the time that ends it.
    case time
    /// Of the series.
    case series
  }
  /// The size of one part of the split.
  public enum PartSize: Sendable, Equatable {
    case count(Int)
    /// Of all samples, in 0...1, rounded down.
    case fraction(Double)
    /// What the other parts leave.
    case rest
    /// Up to this time, which is the next part's.
    case until(String)
  }
  public struct Split: Sendable, Equatable {
    public var unit: SplitUnit = .windows
    public var train: PartSize?
    public var validation: PartSize?
    public var test: PartSize?
    public init(train: PartSize? = nil, validation: PartSize? = nil, test: PartSize? = nil) {
      self.train = train
      self.validation = validation
      self.test = test
    }
  }

  public var format: Format
  /// Absolute path of a file; for idx the folder with the four standard files, gzipped or not; of npy, and of idx with `labelsPath`, also a folder or a pattern of shards.
  public var path: String
  public var validationPath: String?
  public var testPath: String?
  /// npy and idx: the file with the labels (integers) or target values (floats) that belong to `path`, and likewise for the others.
  public var labelsPath: String?
  public var validationLabelsPath: String?
  public var testLabelsPath: String?
  /// npy and idx: the files of labels, or patterns of their names, in place of `labelsPath`: one for each file of `paths`, in their order.
  public var labelsPaths: [String] = []
  /// npy, idx and packed tables: bytes of memory that inputs may take on a machine; those that would take more stay in their files. nil for half of what the
  /// machine, or its container, has.
  public var memory: Int?
  /// csv, idx and npy: consecutive samples that are shuffled as one block (`EpochOrder`); nil for each by itself.
  public var shuffleBlock: Int?
  /// csv: column names, or numbers from 0 where there is no header.
  public var features: [String] = []
  /// csv: the columns to predict as numbers.
  public var targets: [String] = []
  /// csv: the one column that holds a class label (any text); excludes `targets`.
  public var label: String?
  /// csv: the column (any text) that names the sequence a row belongs to; the rows of one stand together. Each sequence is a
  /// sample, as long as it is, with the target of its last row. Excludes `window` and `horizon`.
  public var group: String?
  /// csv: the columns that together name the series a row belongs to. Windows never reach from one into another.
  public var series: [String] = []
  /// csv: the column of the row's time, by which each series is put in order.
  public var time: String?
  /// csv: how times are written, in strftime's letters; nil for ISO 8601 or whole numbers.
  public var timeFormat: String?
  /// csv: what of the time the network reads besides the features.
  public var calendar: [CalendarField] = []
  /// csv: columns of texts that the network reads as learned vectors.
  public var categorical: [String] = []
  /// csv: columns of numbers whose values at the times of the targets are known in advance.
  public var known: [String] = []
  /// csv: columns of numbers that are the same in all rows of a series.
  public var statics: [String] = []
  /// csv: the column that says how much a row's target counts.
  public var weight: String?
  /// csv: whether a target is its change since the last row that the network sees.
  public var isRelative: Bool = false
  /// csv: columns that are a series each, under the name `value`; `*` for all but the time.
  public var wide: [String] = []
  /// csv, npy and idx: several files, or patterns of their names, in place of `path`. csv: without `series` each file is a series. Else shards,
  /// whose samples follow one another.
  public var paths: [String] = []
  /// csv: the column of texts, which are cut into `tokens`; each is a sample. Excludes `features`, `window`, `horizon` and `group`.
  public var text: String?
  /// csv: whether the first line names the columns.
  public var header: Bool = true
  /// csv: one character.
  public var delimiter: String = ","
  public var gaps: GapPolicy = .refuse
  /// csv: what stands for a missing value besides an empty field; nil for the words other programs write.
  public var missing: [String]?
  /// csv: the mark in front of a number's fraction.
  public var decimal: String = "."
  /// csv: the mark between groups of digits.
  public var thousands: String?
  public var scalePer: ScalePer = .all
  public var scale: Scaling = .none
  public var fitScaleOn: ScaleFit = .train
  /// csv: rows per sample.
  public var window: Int = 1
  /// csv: how far after the window's last row the target lies; 0 is the last row itself.
  public var horizon: Int = 0
  /// csv: several of these, ascending; each target at each of them is one output. nil for `horizon` alone.
  public var horizons: [Int]?
  /// csv: whether each step of a sample has a target (`horizon` rows after it), not only the last.
  public var perStep: Bool = false
  public var split: Split = Split()
  /// text; of pairs the sources' (characters or words).
  public var tokens: Tokens = .char
  /// pairs: what targets are cut into; nil for `tokens`.
  public var targetTokens: Tokens?
  /// For prediction: what is to be predicted need not be there. csv: columns of targets or labels may be missing or have empty fields and
  /// words like `NA`, and samples reach to the last row. pairs: lines may be a source alone, and a target with tokens that are not known
  /// is left out. npy: no labels_path. idx: a folder, or a file of images, without labels. ts: no class or `?`. tagged: no tags or `?`.
  public var areTargetsOptional: Bool = false
  /// npy without labels that are not classes: how many numbers are predicted for each sample.
  public var targetWidth: Int = 1
  /// What numbers to predict may be after scaling, because of the loss; nil for any.
  public var targetRange: ClosedRange<Float>?
  /// Whether numbers to predict must be whole and not negative, because of the loss: they are not scaled.
  public var targetsAreCounts: Bool = false
  /// text, tagged and pairs: tokens that occur less often are all one, `<unk>`.
  public var minCount: Int = 1
  /// tagged: the columns of token and tag, from 0.
  public var tokenColumn: Int = 0
  public var tagColumn: Int = 1
  /// text and tagged: the most tokens in the vocabulary, the most frequent ones; nil for all.
  public var vocabulary: Int?
  /// text: tokens per window; gradients do not reach further back.
  public var sequenceLength: Int = 35

  /// csv, for forecasts: a file with the rows after the last ones of `path`, as far as they are known in advance.
  public var knownPath: String?
  /// csv, for backtests: the last rows of each series that nothing may see.
  package var withheldRows = 0

  /// What `path` was named by, for messages.
  package var pathName = "data.path"
  /// What stands in place of the file `path`, which then only names it: a sample that another program has sent.
  package var content: [UInt8]?
  /// csv: of `content`, the first of the rows after the window, of which only `known` and the time are read: what stands in their other
  /// columns is no value. nil where there are none.
  package var firstRowAhead: Int?
  /// Whether a FIFO or `-` will do for a file: not where several processes read it.
  var allowsStreams = false

  /// The files it names; of a folder those in it.
  package var files: [String] {
    let paths =
      [path] + (paths.isEmpty ? [] : (try? mainFiles()) ?? [])
      + ((try? files(labelsPaths, named: "")) ?? [])
      + [validationPath, testPath, labelsPath, validationLabelsPath, testLabelsPath, knownPath].compactMap {
        $0
      }
    guard format == .npy || format == .idx || PackIndex.isThere(in: path) else { return paths }
    // Folders and patterns stand for the files in them.
    return paths + paths.flatMap { Paths.files(in: $0) + (Paths.isPattern($0) ? Paths.matching($0) : []) }
  }

  /// Where the first row or token stands in `content`; after all lines where they stand on one.
  var firstValueLine: Int {
    switch format {
    case .csv: 2
    case .tagged: 1
    case .idx, .npy, .ts, .text, .pairs: .max
    }
  }

  /// Whether sequences of the format may have lengths of their own, beside text, whose last windows may be shorter.
  package var mayHaveLengths: Bool {
    switch format {
    case .csv: group != nil || text != nil
    case .ts, .tagged, .pairs: true
    case .idx, .npy, .text: false
    }
  }

  public init(format: Format, path: String) {
    self.format = format
    self.path = path
  }
}
