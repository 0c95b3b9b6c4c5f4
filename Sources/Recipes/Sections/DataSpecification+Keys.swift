import Dataset
import Diagnostics

extension DataSpecification: SelectedSection {
  typealias Kind = Format

  var kind: Format { format }
  static func start(_ kind: Format) -> DataSpecification { DataSpecification(format: kind, path: "") }

  static let section: Section<Self> = Section(
    selector: "format", words: "data.format ",
    keys: fileKeys + columnKeys + seriesKeys + scalingKeys + sampleKeys + tokenKeys + textColumnKeys
      + splitKeys)

  private static let fileKeys: [Key<Self>] = [
    Key(selector: "format", "What kind of files the data are."),
    Key(
      "path", \.path, .file,
      "The file, from the recipe's folder; for idx the folder with the four standard files, of an .npz the array as FILE.npz:NAME; of npy, and of idx with labels_path, also a folder or a pattern of files whose samples follow one another, of csv and text also a folder that recur pack made."
    ).unwritten { $0.path.isEmpty },
    Key(
      "paths", \.paths, .files, only: [.csv, .idx, .npy],
      "Several files in place of path, as a list or as patterns like prices/*.csv; of csv without series each file is one, of npy and idx their samples follow one another."
    ).unwrittenIfNull(),
    Key("validation_path", optional: \.validationPath, .file, "A file of its own for the validation part."),
    Key("test_path", optional: \.testPath, .file, "A file of its own for the test part.").checked {
      data, map in
      if data.path.isEmpty, data.paths.isEmpty { throw map.node.failure("data.path is missing") }
      if map.has("path"), map.has("paths") {
        throw map.failure(at: "paths", "data.paths and data.path exclude each other; keep one")
      }
    },
    Key(
      "labels_path", optional: \.labelsPath, .file, only: [.idx, .npy],
      "The file with the labels (whole numbers) or target values (fractions) that belong to path."),
    Key(
      "labels_paths", \.labelsPaths, .files, only: [.idx, .npy],
      "The files that belong to those of paths, one for each, in their order."
    ).unwrittenIfNull().checked { data, map in
      if map.has("labels_path"), map.has("labels_paths") {
        throw map.failure(
          at: "labels_paths", "data.labels_paths and data.labels_path exclude each other; keep one")
      }
    },
    Key(
      "memory", optional: \.memory, .bytes, only: [.csv, .idx, .npy, .text],
      "Memory that inputs may take on a machine, such as 2GiB; those of npy files, of idx files named with labels_path and of a folder of recur pack that would take more stay in their files and are read batch by batch, to the same bits. By itself half of what the machine or its container has."
    ).unwrittenIfNull(),
    Key(
      "shuffle_block", optional: \.shuffleBlock, .whole(1...Int(Int32.max)), only: [.csv, .idx, .npy],
      "Samples that lie side by side and are shuffled as one block; the samples of 16 blocks are then mixed, so that files are read in stretches. Each sample by itself where it is left out."
    ).unwrittenIfNull(),
    Key(
      "validation_labels_path", optional: \.validationLabelsPath, .file, only: [.idx, .npy],
      "The same for validation_path."),
    Key(
      "test_labels_path", optional: \.testLabelsPath, .file, only: [.idx, .npy], "The same for test_path."),
  ]

  private static let columnKeys: [Key<Self>] = [
    Key(
      "text", optional: \.text, .text, only: [.csv],
      "The column of texts, which are cut into tokens, each text being a sample. Excludes features."
    ).unwrittenIfNull(),
    Key(
      "features", \.features, .texts(), only: [.csv],
      "Columns that the network reads as numbers, by name, or by number from 0 where there is no header."
    ),
    Key(
      "categorical", \.categorical, .texts(), only: [.csv],
      "Columns of texts that the network reads as learned vectors; a text that training did not see is <unseen>."
    ).unwrittenIfNull(),
    Key(
      "static", \.statics, .texts(), only: [.csv],
      "Columns of numbers that the network reads and that are the same in all rows of a series."
    ).unwrittenIfNull(),
    Key(
      "known", \.known, .texts(), only: [.csv],
      "Columns of numbers that are known in advance; the network reads them as they are at the time of the target."
    ).unwrittenIfNull(),
    Key("targets", \.targets, .texts(emptyAsNull: true), only: [.csv], "Columns to predict as numbers."),
    Key(
      "label", optional: \.label, .text, only: [.csv],
      "The column that holds a class label (any text); excludes targets."
    ).checked { data, map in
      if map.has("label"), !data.targets.isEmpty {
        throw map.failure(at: "label", "data.label and data.targets exclude each other; keep one")
      }
      if data.label == nil, data.targets.isEmpty, !map.has("wide") {
        throw map.node.failure("data.targets is missing (or data.label for classes)")
      }
    },
    Key(
      "weight", optional: \.weight, .text, only: [.csv],
      "The column of numbers that says how much the target of a row counts in loss and metrics."
    ).unwrittenIfNull(),
    Key(
      "group", optional: \.group, .text, only: [.csv],
      "The column that names the sequence a row belongs to; each sequence is a sample. Excludes window and horizon."
    ),
    Key("header", \.header, .flag, only: [.csv], "Whether the first line names the columns."),
    Key("delimiter", \.delimiter, .delimiter, only: [.csv], "What separates columns: one character."),
    Key(
      "decimal", \.decimal, .delimiter, only: [.csv],
      "The mark in front of a number's fraction: one character."
    ).unwritten { $0.decimal == "." },
    Key(
      "thousands", optional: \.thousands, .delimiter, only: [.csv],
      "The mark between groups of digits: one character."
    ).unwrittenIfNull(),
    Key(
      "na", optional: \.missing, .texts(mayBeEmpty: true), only: [.csv],
      "Texts that stand for a missing value besides an empty field, in place of those that other programs write (NA, NaN, null, None, ?)."
    ).unwrittenIfNull(),
    Key(
      "gaps", \.gaps, .choice(synonyms: ["error": "refuse"]), only: [.csv, .ts],
      "What is done with a missing value: refuse the file, leave the row out, repeat the value before, draw a line between the neighbours, take the mean of training (a missing target then counts nowhere), or that and tell the network which were observed."
    ),
  ]

  private static let seriesKeys: [Key<Self>] = [
    Key(
      "series", \.series, .texts(), only: [.csv],
      "The columns that name the series a row belongs to; windows never reach from one series into another."
    ).unwrittenIfNull(),
    Key(
      "wide", \.wide, .texts(), only: [.csv],
      "Columns that are a series each, or *; features and targets are then called value."
    ).unwrittenIfNull(),
    Key(
      "time", optional: \.time, .text, only: [.csv],
      "The column of times, by which the rows of each series are put in order: ISO 8601, whole numbers, or as time_format says."
    ).unwrittenIfNull(),
    Key(
      "time_format", optional: \.timeFormat, .text, only: [.csv],
      "How times are written, in the letters of strftime, such as %d.%m.%Y %H:%M."
    ).unwrittenIfNull().needing("time") { $0.time != nil },
    Key(
      "calendar", \.calendar, .calendar, only: [.csv],
      "What of the time the network reads, each as a sine and a cosine."
    ).unwrittenIfNull().needing("time") { $0.time != nil || $0.calendar.isEmpty },
  ]

  private static let scalingKeys: [Key<Self>] = [
    Key("scale", \.scale, .choice(), only: [.csv, .npy, .ts], "How numbers are scaled, column by column."),
    Key(
      "fit_scale_on", \.fitScaleOn, .choice(), only: [.csv, .npy, .ts],
      "The part of the data that scales are taken from."),
    Key(
      "scale_per", \.scalePer, .choice(), only: [.csv],
      "Whether each series has a scale of its own; a series that training did not see takes the one over all."
    ).unwritten { $0.scalePer == .all },
  ]

  private static let sampleKeys: [Key<Self>] = [
    Key("window", \.window, .whole(), only: [.csv], "Rows of a sample."),
    Key(
      "horizon", \.horizonList, .horizon, only: [.csv],
      "Rows that the target lies after the window's last: one number, a range [first, last], or an ascending list."
    ),
    Key(
      "relative", \.isRelative, .flag, only: [.csv],
      "Whether a target is learned as its change since the window's last row, so that a network goes on where no training row was; what is written is the value."
    ).unwritten { !$0.isRelative },
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

  /// Of CSV with a column of texts.
  private static let textColumnKeys: [Key<Self>] = [
    Key("tokens", \.tokens, .choice(), only: [.csv], "What the texts are cut into.")
      .needing("text") { $0.text != nil },
    Key(
      "min_count", \.minCount, .whole(), only: [.csv],
      "Occurrences in the training part below which a token becomes <unk>."
    ).needing("text") { $0.text != nil },
    Key(
      "vocabulary", optional: \.vocabulary, .whole(2...Int(Int32.max)), only: [.csv],
      "Most tokens in the vocabulary, <unk> included, the most frequent ones; null for all."
    ).needing("text") { $0.text != nil },
  ]

  private static let splitKeys: [Key<Self>] = [
    Key("split", \.split, .section(), "Which samples are for what; in time order for windows.")
  ]
}

extension DataSpecification.Split: DeclaredSection {
  static let section = Section(
    start: DataSpecification.Split(),
    keys: [
      Key(
        "by", \.unit, .choice(),
        "What shares are of: the windows of each series, its rows, the times of all series (a share may be a date that ends it), or the series."
      ).unwritten { $0.unit == .windows },
      Key(
        "train", optional: \.train, .share,
        "Samples to train on: a count, a fraction, rest, or with by: time the time that ends them."),
      Key("validation", optional: \.validation, .share, "Samples to decide on while training."),
      Key("test", optional: \.test, .share, "Samples to measure the trained network on.")
        .checked { split, map in
          if [split.train, split.validation, split.test].count(where: { $0 == .rest }) > 1 {
            throw map.node.failure("data.split: only one part can be the rest")
          }
        },
    ])
}
