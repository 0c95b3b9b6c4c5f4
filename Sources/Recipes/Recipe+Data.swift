import Dataset
import Diagnostics
import Files

extension RecipeSection {
  /// Reads the `data` section.
  func dataSpecification(baseDirectory: String) throws -> DataSpecification {
    try allow(RecipeKeys.data)
    _ = try (required("format"), required("path"))
    let format: DataSpecification.Format = try choice("format") ?? .csv
    try allow(
      RecipeKeys.data(of: format), others: RecipeKeys.data, reason: "data.format \(format.rawValue)")
    func file(_ key: String) throws -> String? {
      // What was typed is relative to where the person stands.
      let base = if case .override = self[key]?.origin { Paths.current } else { baseDirectory }
      return try string(key).map { $0 == "-" ? $0 : Paths.absolute($0, from: base) }
    }
    var data = DataSpecification(format: format, path: try file("path") ?? "")
    data.validationPath = try file("validation_path")
    data.testPath = try file("test_path")
    data.labelsPath = try file("labels_path")
    data.validationLabelsPath = try file("validation_labels_path")
    data.testLabelsPath = try file("test_labels_path")
    try readColumns(into: &data)
    data.gaps = try choice("gaps") ?? data.gaps
    data.scale = try choice("scale") ?? data.scale
    data.fitScaleOn = try choice("fit_scale_on") ?? data.fitScaleOn
    data.window = try int("window") ?? data.window
    try readHorizon(into: &data)
    data.perStep = try bool("per_step") ?? data.perStep
    data.tokenColumn = try int("token_column", 0...1000) ?? data.tokenColumn
    data.tagColumn = try int("tag_column", 0...1000) ?? data.tagColumn
    data.tokens = try choice("tokens") ?? data.tokens
    data.targetTokens = try choice("target_tokens")
    data.minCount = try int("min_count") ?? data.minCount
    data.vocabulary = try int("vocabulary", 2...Int(Int32.max))
    data.sequenceLength = try int("sequence_length") ?? data.sequenceLength
    if let split = try section("split") { data.split = try split.split() }
    return data
  }

  /// One distance, a range of two numbers, or a list of more.
  private func readHorizon(into data: inout DataSpecification) throws {
    guard let list = try ints("horizon", 0...100_000) else { return }
    if list.count == 1 {
      data.horizon = list[0]
      return
    }
    guard !list.isEmpty, zip(list, list.dropFirst()).allSatisfy({ $0 < $1 }) else {
      throw try required("horizon").failure(
        "data.horizon must be a number, a range [first, last] or an ascending list of numbers")
    }
    data.horizons = list.count == 2 ? Array(list[0]...list[1]) : list
    data.horizon = list[0]
  }

  private func readColumns(into data: inout DataSpecification) throws {
    data.features = try strings("features") ?? []
    data.targets = try strings("targets") ?? []
    data.label = try string("label")
    data.group = try string("group")
    data.header = try bool("header") ?? data.header
    data.delimiter = try string("delimiter") ?? data.delimiter
    if data.delimiter.utf8.count != 1 {
      throw try wrong(required("delimiter"), "delimiter", "one ASCII character")
    }
    guard data.format == .csv else { return }
    _ = try required("features")
    if let label = self["label"], !data.targets.isEmpty {
      throw label.failure("data.label and data.targets exclude each other; keep one")
    }
    if data.label == nil, data.targets.isEmpty {
      throw node.failure("data.targets is missing (or data.label for classes)")
    }
  }

  private func split() throws -> DataSpecification.Split {
    try allow(RecipeKeys.split)
    let split = DataSpecification.Split(
      train: try share("train"), validation: try share("validation"), test: try share("test"))
    if [split.train, split.validation, split.test].filter({ $0 == .rest }).count > 1 {
      throw node.failure("data.split: only one part can be the rest")
    }
    return split
  }

  /// A count, a fraction with a decimal point, or `rest`.
  private func share(_ key: String) throws -> DataSpecification.Share? {
    guard let node = self[key] else { return nil }
    guard case .scalar(let text) = node.content else { throw wrong(node, key, "a count, fraction or rest") }
    if text == "rest" { return .rest }
    if Int(text) != nil { return .count(try int(key, 0...Int(Int32.max)) ?? 0) }
    guard let fraction = Double(text) else { throw wrong(node, key, "a count, a fraction or rest") }
    guard fraction >= 0, fraction <= 1 else { throw wrong(node, key, "a fraction between 0 and 1") }
    return .fraction(fraction)
  }
}

extension RecipeKeys {
  /// The keys that mean something for files of this format.
  static func data(of format: DataSpecification.Format) -> [String] {
    let files = ["format", "path", "validation_path", "test_path", "split"]
    switch format {
    case .csv:
      let columns = [
        "features", "targets", "label", "group", "header", "delimiter", "gaps", "window", "horizon",
        "per_step",
      ]
      return files + columns + ["scale", "fit_scale_on"]
    case .npy:
      let labels = ["labels_path", "validation_labels_path", "test_labels_path"]
      return files + labels + ["scale", "fit_scale_on"]
    case .ts: return files + ["scale", "fit_scale_on"]
    case .idx: return files
    case .tagged: return files + ["token_column", "tag_column", "min_count", "vocabulary"]
    case .pairs: return files + ["tokens", "target_tokens", "min_count"]
    case .text: return files + ["tokens", "min_count", "vocabulary", "sequence_length"]
    }
  }
}
