import Dataset

extension DataSpecification: SelectedSection {
  typealias Kind = Format

  var kind: Format { format }
  static func start(_ kind: Format) -> DataSpecification { DataSpecification(format: kind, path: "") }

  static let section: Section<Self> = Section(
    selector: "format", words: "data.format ",
    keys: fileKeys + columnKeys + scalingKeys + sampleKeys + tokenKeys + splitKeys)

  private static let fileKeys: [Key<Self>] = [
    Key(selector: "format", "What kind of files the data are."),
    Key(
      "path", \.path, .file,
      "The file, from the recipe's folder; for idx the folder with the four standard files."
    ).required(),
    Key("validation_path", optional: \.validationPath, .file, "A file of its own for the validation part."),
    Key("test_path", optional: \.testPath, .file, "A file of its own for the test part."),
    Key(
      "labels_path", optional: \.labelsPath, .file, only: [.npy],
      "The file with the labels (whole numbers) or target values (fractions) that belong to path."),
    Key(
      "validation_labels_path", optional: \.validationLabelsPath, .file, only: [.npy],
      "The same for validation_path."),
    Key("test_labels_path", optional: \.testLabelsPath, .file, only: [.npy], "The same for test_path."),
  ]

  private static let columnKeys: [Key<Self>] = [
    Key(
      "features", \.features, .texts(), only: [.csv],
      "Columns that the network reads, by name, or by number from 0 where there is no header."
    ).required(),
    Key("targets", \.targets, .texts(emptyAsNull: true), only: [.csv], "Columns to predict as numbers."),
    Key(
      "label", optional: \.label, .text, only: [.csv],
      "The column that holds a class label (any text); excludes targets."
    ).checked { data, map in
      if map.has("label"), !data.targets.isEmpty {
        throw map.failure(at: "label", "data.label and data.targets exclude each other; keep one")
      }
      if data.label == nil, data.targets.isEmpty {
        throw map.node.failure("data.targets is missing (or data.label for classes)")
      }
    },
    Key(
      "group", optional: \.group, .text, only: [.csv],
      "The column that names the sequence a row belongs to; each sequence is a sample. Excludes window and horizon."
    ),
    Key("header", \.header, .flag, only: [.csv], "Whether the first line names the columns."),
    Key("delimiter", \.delimiter, .delimiter, only: [.csv], "What separates columns: one character."),
    Key(
      "gaps", \.gaps, .choice(), only: [.csv],
      "What is done with an empty field: refuse the file, leave the row out, repeat the value before, or draw a line between the neighbours."
    ),
  ]

  private static let scalingKeys: [Key<Self>] = [
    Key("scale", \.scale, .choice(), only: [.csv, .npy, .ts], "How numbers are scaled, column by column."),
    Key(
      "fit_scale_on", \.fitScaleOn, .choice(), only: [.csv, .npy, .ts],
      "The part of the data that scales are taken from."),
  ]

  private static let sampleKeys: [Key<Self>] = [
    Key("window", \.window, .whole(), only: [.csv], "Rows of a sample."),
    Key(
      "horizon", \.horizonList, .horizon, only: [.csv],
      "Rows that the target lies behind the window's last: one number, a range [first, last], or an ascending list."
    ),
    Key(
      "per_step", \.perStep, .flag, only: [.csv],
      "Whether each step of a sample has a target, not only the last."),
  ]

  private static let tokenKeys: [Key<Self>] = [
    Key("token_column", \.tokenColumn, .whole(0...1000), only: [.tagged], "Column of the token, from 0."),
    Key("tag_column", \.tagColumn, .whole(0...1000), only: [.tagged], "Column of the tag, from 0."),
    Key(
      "tokens", \.tokens, .choice(), only: [.text, .pairs], "What a text is cut into; of pairs, the source."),
    Key("target_tokens", optional: \.targetTokens, .choice(), only: [.pairs], "What targets are cut into.")
      .absent("data.tokens"),
    Key(
      "min_count", \.minCount, .whole(), only: [.text, .tagged, .pairs],
      "Occurrences below which a token becomes <unk>."),
    Key(
      "vocabulary", optional: \.vocabulary, .whole(2...Int(Int32.max)), only: [.text, .tagged],
      "Most tokens in the vocabulary, the most frequent ones; null for all."),
    Key(
      "sequence_length", \.sequenceLength, .whole(), only: [.text],
      "Tokens of a window; gradients do not reach further back."),
  ]

  private static let splitKeys: [Key<Self>] = [
    Key("split", \.split, .section(), "Which samples are for what; in time order for windows.")
  ]
}

extension DataSpecification.Split: DeclaredSection {
  static let section = Section(
    start: DataSpecification.Split(),
    keys: [
      Key("train", optional: \.train, .share, "Samples to train on: a count, a fraction, or rest."),
      Key("validation", optional: \.validation, .share, "Samples to decide on while training."),
      Key("test", optional: \.test, .share, "Samples to measure the trained network on.")
        .checked { split, map in
          if [split.train, split.validation, split.test].count(where: { $0 == .rest }) > 1 {
            throw map.node.failure("data.split: only one part can be the rest")
          }
        },
    ])
}

extension DataSpecification {
  /// `horizon` and `horizons` as the one key that they are.
  fileprivate var horizonList: [Int] {
    get { allHorizons }
    set { (horizon, horizons) = (newValue[0], newValue.count > 1 ? newValue : nil) }
  }
}

extension Codec where Value == [Int] {
  /// One distance, a range of two numbers, or a list of more.
  fileprivate static var horizon: Codec {
    let range = 0...100_000
    return Codec(.either([.whole(range), .list(of: .whole(range), .notEmpty)])) { node, place in
      let list = try node.items.map { try $0.whole(range, place) }
      guard !list.isEmpty, zip(list, list.dropFirst()).allSatisfy({ $0 < $1 }) else {
        throw node.failure(
          "\(place.path) must be a number, a range [first, last] or an ascending list of numbers")
      }
      return list.count == 2 ? Array(list[0]...list[1]) : list
    } write: { list in
      if list.count == 1 { return .init(list[0]) }
      // A range is written by its ends.
      let isRange = zip(list, list.dropFirst()).allSatisfy { $0 + 1 == $1 }
      return .list((isRange ? [list[0], list[list.count - 1]] : list).map { .init($0) })
    }
  }
}

extension Codec where Value == String {
  fileprivate static var delimiter: Codec {
    Codec(.text) { node, place in
      let text = try node.text(place)
      guard text.utf8.count == 1 else { throw place.wrong(node, "one ASCII character") }
      return text
    } write: {
      .text($0)
    }
  }
}

extension Codec where Value == DataSpecification.Share {
  /// A count, a fraction with a decimal point, or `rest`.
  fileprivate static var share: Codec {
    let count = 0...Int(Int32.max)
    return Codec(.either([.whole(count), .number(.probability), .choice(["rest"])])) { node, place in
      guard case .scalar(let text) = node.content else {
        throw place.wrong(node, "a count, fraction or rest")
      }
      if text == "rest" { return .rest }
      if Int(text) != nil { return .count(try node.whole(count, place)) }
      guard let fraction = Double(text) else { throw place.wrong(node, "a count, a fraction or rest") }
      guard fraction >= 0, fraction <= 1 else { throw place.wrong(node, "a fraction between 0 and 1") }
      return .fraction(fraction)
    } write: { share in
      switch share {
      case .count(let count): .init(count)
      case .fraction(let fraction): .init(fraction)
      case .rest: .plain("rest")
      }
    }
  }
}
