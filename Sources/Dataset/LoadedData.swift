import Batches
import Diagnostics
import Digests
import Files

/// The samples of a data specification, ready for batches.
public struct LoadedData: Sendable {
  /// nil where the split gives this part no samples.
  public package(set) var train: (any SampleSet)?
  public let validation: (any SampleSet)?
  public let test: (any SampleSet)?
  public let shape: SampleShape
  /// nil for `scale: none`.
  public let scaler: Scaler?
  /// csv: the columns' names. Otherwise numbers from 0.
  public let featureNames: [String]
  /// Empty for classes.
  public let targetNames: [String]
  /// Name of each class by its number; empty for values.
  ///
  /// csv: the labels of `path` in order: as numbers where all are whole numbers, else by their UTF-8 bytes.
  /// text: the tokens of the vocabulary, see `Vocabulary`. ts: the order of `@classLabel`. idx and npy: "0" up to the largest label of the main file.
  public let classNames: [String]
  /// tagged, and csv of texts: the words by their numbers, `Vocabulary.unknown` first. pairs: the tokens of the sources; `classNames` are those of
  /// the targets. Else empty.
  public var vocabulary: [String] = []
  /// pairs whose targets are optional: the lines that are no sample, because they have no source that the network could read.
  public var unanswered: [UnansweredLine] = []
  /// Samples (text: tokens) of the main file that no part has.
  public var unused = 0
  /// SHA-256, in hexadecimal, over the files read (path, labels, validation, its labels, test, its labels): of each its size and the
  /// SHA-256 of every 4 MiB; of shards, those of the first and the last 64 KiB.
  public let fingerprint: String
  /// csv: for each sample, train before validation before test, the row of its file (from 0, the header not counted) that holds its target.
  public let rows: [Int]?
  /// csv: whose windows the samples are, and when, in the order of `rows`.
  public var places: SampleLocations?
  /// csv: of each categorical column what training has seen; a code is one more than the place here.
  public var categoryNames: [[String]] = []
  /// csv: values of categorical columns that training has not seen.
  public var unseenCategories: [UnseenCategories] = []
  /// csv: series without a scale of their own where each has one, because training did not see them: they take the one over all.
  public var unseenSeries: [String] = []
  /// csv: series that are too short for a sample, with the rows that are missing.
  public var shortSeries: [(name: String, missing: Int)] = []
}

/// A line of a file of pairs that is no sample.
public struct UnansweredLine: Sendable, Equatable {
  /// From 1.
  public let line: Int
  /// How many samples stand before it.
  public let samplesBefore: Int
  public let source: String
  /// The first token that is not known; nil where there is no token at all.
  public var unknown: String?
}

extension LoadedData {
  /// Reads, checks, scales and splits the data.
  /// - scaler: from a checkpoint that is evaluated; takes the place of the one that would be fitted.
  /// - classNames: from a checkpoint; labels outside are errors.
  /// - vocabulary: of a checkpoint of tagged text or pairs.
  /// - categoryNames: of a checkpoint, for each categorical column.
  /// - peers: where several processes load the same data, all together: those of one machine then read and hold large files once.
  /// - Throws: `Failure` that names file, line and column, or the recipe's key.
  public init(
    _ specification: DataSpecification, scaler: Scaler? = nil, classNames: [String]? = nil,
    vocabulary: [String]? = nil, categoryNames: [[String]]? = nil, peers: LoadingPeers? = nil
  ) throws(Failure) {
    var specification = specification.completed
    try specification.validate()
    specification.allowsStreams = peers == nil
    let group = try peers.flatMap { (peers) throws(Failure) in try LoadingGroup(peers) }
    switch specification.format {
    case .csv where specification.text != nil:
      try self.init(texts: specification, scaler, classNames, vocabulary)
    case .csv:
      let names = DataNames(classes: classNames, categories: categoryNames)
      try self.init(csv: specification, scaler, given: names, group)
    case .npy: try self.init(arrays: specification, scaler, classNames, group)
    case .idx where specification.namesImageFiles:
      try self.init(arrays: specification, scaler, classNames, group)
    case .ts: try self.init(ts: specification, scaler, classNames)
    case .idx: try self.init(idx: specification, classNames, group)
    case .text: try self.init(text: specification, classNames, group)
    case .tagged: try self.init(tagged: specification, classNames, vocabulary)
    case .pairs: try self.init(pairs: specification, classNames, vocabulary)
    }
  }

  /// Splits and scales what a format's reader found.
  init(
    _ specification: DataSpecification, _ sources: SampleSources, _ given: Scaler?, featureNames: [String],
    targetNames: [String], classNames: [String], files: [InputFile], _ group: LoadingGroup? = nil
  ) throws(Failure) {
    for source in sources.all where source.samples > Int(Int32.max) {
      throw .badData(
        "\(source.path): \(source.samples) samples are more than the \(Int32.max) that can be numbered")
    }
    let main = sources.main
    let partition =
      if let windows = main.series?.windows { windows.partition } else {
        try Partition(specification.split, of: main.samples, file: main.path)
      }
    let features = main.inputs.columns
    var shape = SampleShape(
      steps: sources.all.map(\.layout.steps).max() ?? 0, features: features,
      target: main.values.map { .values(width: $0.columns) } ?? .classes(count: classNames.count))
    shape.hasEqualLengths = sources.all.allSatisfy {
      $0.layout.starts == nil && $0.layout.steps == shape.steps
    }
    shape.hasTargetPerStep = main.layout.targets == .eachRow
    shape.categories = main.series?.categoryNames.map { $0.count + 1 } ?? []
    shape.weightsPerRow = main.series?.weightsPerRow ?? 0
    // A series of ts has its target, whatever is missing in its values.
    shape.hasUnknownTargets =
      specification.gaps.fillsMeans && specification.format == .csv || specification.areTargetsOptional
    var scaler = given
    if let given {
      try given.check(features: main.scaledInputs ?? features, targets: main.values?.columns ?? 0)
    } else {
      scaler = try sources.fit(specification, train: partition.train, group)
    }

    let memory = try sources.memoryOfFiles(specification, group)
    func sets(_ source: SampleSource, _ ranges: [Range<Int>?]) throws(Failure) -> [SequenceSet<Float>?] {
      try source.sets(ranges, shape: shape, scaler, staysInFiles: memory, group)
    }
    var parts = try sets(main, [partition.train, partition.validation, partition.test])
    if let other = sources.validation { parts[1] = try sets(other, [0..<other.samples])[0] }
    if let other = sources.test { parts[2] = try sets(other, [0..<other.samples])[0] }
    for (set, source) in zip(parts, [main, sources.validation ?? main, sources.test ?? main]) {
      guard let set, let table = source.values else { continue }
      try specification.requireTargets(set.values, set.targetIndices, of: table, isScaled: scaler != nil)
    }
    (train, validation, test) = (parts[0], parts[1], parts[2])
    self.shape = shape
    self.scaler = scaler
    self.featureNames = featureNames
    self.targetNames = targetNames
    self.classNames = classNames
    fingerprint = try Self.fingerprint(files, shards: sources.all.flatMap(\.shardFiles), group)
    unused = main.series?.windows?.unused ?? partition.unused(of: main.samples)
    rows = Self.rows(sources, parts)
    categoryNames = main.series?.categoryNames ?? []
    unseenCategories = UnseenCategories.joined(sources.all.compactMap { $0.series?.unseen })
    places = SampleLocations(sources, parts)
    unseenSeries = given?.unseen(sources.all.flatMap { $0.series?.sampledNames ?? [] }) ?? []
    if let details = main.series {
      shortSeries = details.windows?.short.map { (details.table.names[$0.series], $0.missing) } ?? []
    }
  }

  /// - shards: files of which only the edges are looked at.
  static func fingerprint(
    _ files: [InputFile], shards: [StoredFiles] = [], _ group: LoadingGroup? = nil
  ) throws(Failure) -> String {
    var hash = SHA256()
    for file in files {
      var size = ByteWriter()
      size.add(file.size)
      hash.update(size.bytes)
      if file.isDivided, let group {
        for part in try group.share({ file.digests(group.part(of: file.pieces)) }) { hash.update(part) }
      } else {
        hash.update(file.digests(0..<file.pieces))
      }
    }
    for shards in shards {
      guard let group else {
        hash.update(try shards.digests(0..<shards.paths.count))
        continue
      }
      let parts = try group.share { () throws(Failure) in
        try shards.digests(group.part(of: shards.paths.count))
      }
      for part in parts { hash.update(part) }
    }
    return hash.finalize().hexadecimal
  }

  private static func rows(_ sources: SampleSources, _ sets: [SequenceSet<Float>?]) -> [Int]? {
    guard sources.main.record != nil else { return nil }
    var rows: [Int] = []
    for (set, source) in zip(
      sets, [sources.main, sources.validation ?? sources.main, sources.test ?? sources.main])
    {
      guard let set, let record = source.record else { continue }
      for sample in set.samples { rows.append(record(set.layout.targetRows(sample).lowerBound)) }
    }
    return rows
  }
}

extension Scaler {
  func check(features: Int, targets: Int) throws(Failure) {
    let unscaled = self.targets.isEmpty && fills != nil
    guard self.features.count == features && (self.targets.count == targets || unscaled) else {
      throw .badData(
        "the checkpoint's scaler has \(self.features.count) features and \(self.targets.count) targets, "
          + "the data has \(features) and \(targets); use the data section it was trained with")
    }
    guard isUsable else { throw .badData("the checkpoint's scaler holds numbers that can't be used") }
  }
}
