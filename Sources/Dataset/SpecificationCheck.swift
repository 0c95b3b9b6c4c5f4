import Diagnostics
import Files

extension DataSpecification {
  /// Throws a `Failure` that names the first key whose value can't work, before any file is read.
  public func validate() throws(Failure) {
    if path.isEmpty, paths.isEmpty { throw .badData("data.path is missing") }
    try checkSplit()
    switch format {
    case .csv: try checkColumns()
    case .npy: try checkLabelFiles()
    case .text: try checkText()
    case .tagged: try checkTagged()
    case .pairs: try checkPairs()
    case .idx: if namesImageFiles { try checkLabelFiles() }
    case .ts: break
    }
    if format != .csv { try refuseColumnKeys() }
    if let memory, memory < 1 { throw .badData("data.memory must be at least 1, not \(memory)") }
    if let block = shuffleBlock, block < 1 {
      throw .badData("data.shuffle_block must be at least 1, not \(block)")
    }
    if memory != nil, ![.csv, .idx, .npy, .text].contains(format) {
      throw .badData("data.memory is for csv, idx, npy and text, not for \(format.rawValue)")
    }
    if format != .npy, format != .idx {
      if !labelsPaths.isEmpty {
        throw .badData("data.labels_paths is for npy and idx, not for \(format.rawValue)")
      }
      for (key, path) in [
        ("labels_path", labelsPath), ("validation_labels_path", validationLabelsPath),
        ("test_labels_path", testLabelsPath),
      ] where path != nil {
        throw .badData("data.\(key) is for npy and idx; \(format.rawValue) files hold their labels")
      }
    }
    if format == .idx {
      if scale != .none {
        throw .badData("data.scale is not for idx: its pixels are divided by 255; use none")
      }
      for (key, path) in [("validation_path", validationPath), ("test_path", testPath)]
      where path != nil && !namesImageFiles {
        throw .badData(
          "data.\(key) is not for idx where data.path names the folder with the train and t10k files; name files one by one, with data.labels_path"
        )
      }
    }
  }

  /// The delimiter's byte.
  func delimiterByte() throws(Failure) -> UInt8 {
    let bytes = Array(delimiter.utf8)
    let refused = "\"\r\n.+-".utf8
    guard bytes.count == 1, bytes[0] < 128, !refused.contains(bytes[0]), bytes[0] == tab || bytes[0] >= space,
      !Unicode.Scalar(bytes[0]).properties.isAlphabetic,
      Unicode.Scalar(bytes[0]).properties.numericType == nil
    else {
      throw .badData(
        "data.delimiter must be one character such as ',', ';' or a tab, not \(quoted(delimiter))")
    }
    return bytes[0]
  }

  private func checkColumns() throws(Failure) {
    _ = try delimiterByte()
    if window < 1 { throw .badData("data.window must be at least 1, not \(window)") }
    if horizon < 0 { throw .badData("data.horizon must be at least 0, not \(horizon)") }
    if let horizons {
      if horizons.count < 2 || zip(horizons, horizons.dropFirst()).contains(where: { $0 >= $1 })
        || horizons[0] < 0
      {
        throw .badData("data.horizon must be a number, a range [first, last] or an ascending list of numbers")
      }
      if label != nil { throw .badData("data.horizon: a label has one horizon; give one number") }
    }
    try checkTarget()
    if text == nil { try checkInputs() } else { try checkTexts() }
    if group != nil { try checkGroup() }
    try checkSeries()
    for (key, mark) in [("decimal", decimal), ("thousands", thousands)] {
      guard let mark else { continue }
      guard let byte = mark.utf8.first, mark.utf8.count == 1, byte >= space, byte < 127,
        Unicode.Scalar(byte).properties.numericType == nil, !Unicode.Scalar(byte).properties.isAlphabetic,
        !"+-\"".utf8.contains(byte)
      else { throw .badData("data.\(key) must be one mark such as '.' or ',', not \(quoted(mark))") }
    }
    if decimal == thousands { throw .badData("data.decimal and data.thousands are both \(quoted(decimal))") }
    for (key, names) in [
      ("features", features), ("targets", targets), ("categorical", categorical), ("static", statics),
      ("known", known), ("series", series), ("wide", wide),
    ] {
      var seen: Set<Name> = []
      for name in names where !seen.insert(Name(name)).inserted {
        throw .badData("data.\(key) names \(quoted(name)) twice")
      }
    }
  }

  private func checkInputs() throws(Failure) {
    if features.isEmpty, categorical.isEmpty, statics.isEmpty, known.isEmpty, calendar.isEmpty {
      throw .badData("data.features is empty; name at least one column of \(path)")
    }
    let numbers = [("features", features), ("static", statics), ("known", known)]
    for (index, (key, names)) in numbers.enumerated() {
      for (other, others) in numbers[..<index] {
        if let name = names.first(where: { name in others.contains { $0.hasSameBytes(as: name) } }) {
          throw .badData("data.\(key) \(quoted(name)) is also in data.\(other); keep one")
        }
      }
    }
    // A column is read either as numbers or as texts.
    let texts = [
      ("categorical", categorical), ("series", series), ("time", [time].compactMap(\.self)),
      ("label", [label].compactMap(\.self)), ("group", [group].compactMap(\.self)),
    ]
    let read = numbers + [("targets", targets), ("weight", [weight].compactMap(\.self)), ("wide", wide)]
    for (key, names) in texts {
      for name in names {
        guard let other = read.first(where: { $0.1.contains { $0.hasSameBytes(as: name) } }) else { continue }
        throw .badData("data.\(key) \(quoted(name)) is also in data.\(other.0)")
      }
    }
  }

  private func checkTarget() throws(Failure) {
    if targets.isEmpty && label == nil {
      throw .badData("the data has no target; set data.targets (numbers) or data.label (a class)")
    }
    guard let label else { return }
    if !targets.isEmpty { throw .badData("data.targets and data.label exclude each other; keep one") }
    if categorical.contains(where: { $0.hasSameBytes(as: label) }) {
      throw .badData("data.label \(quoted(label)) is also in data.categorical")
    }
  }

  private func checkGroup() throws(Failure) {
    if window != 1 || horizon != 0 || horizons != nil {
      throw .badData("data.window and data.horizon are not for sequences of data.group; remove them")
    }
    if gaps == .previous || gaps == .linear {
      throw .badData("data.gaps: \(gaps.rawValue) would fill across the sequences of data.group; use drop")
    }
    let others: [(String, Bool)] = [
      ("series", !series.isEmpty), ("wide", !wide.isEmpty), ("known", !known.isEmpty),
      ("paths", !paths.isEmpty), ("relative", isRelative), ("scale_per", scalePer != .all),
      ("split.by", split.unit != .windows),
    ]
    for (key, isUsed) in others where isUsed {
      throw .badData("data.\(key) is for windows, and data.group makes samples of whole sequences; keep one")
    }
  }

  private func checkSeries() throws(Failure) {
    if isRelative, label != nil || perStep {
      throw .badData(
        "data.relative is for numbers after a window, not for data.\(perStep ? "per_step" : "label")")
    }
    if isRelative, targetRange != nil {
      throw .badData(
        "data.relative makes changes of targets, and the loss takes \(targetsAreCounts ? "counts" : "shares of 1"); remove it"
      )
    }
    let hasSeries = !series.isEmpty || !wide.isEmpty || !paths.isEmpty
    if scalePer == .series, !hasSeries {
      throw .badData("data.scale_per: series needs data.series, data.wide or data.paths")
    }
    if split.unit == .series, !hasSeries {
      throw .badData("data.split.by: series needs data.series, data.wide or data.paths")
    }
    if split.unit == .time, time == nil { throw .badData("data.split.by: time needs data.time") }
    if !calendar.isEmpty, time == nil { throw .badData("data.calendar needs data.time") }
    if !wide.isEmpty, !header { throw .badData("data.wide needs the names of columns, data.header: true") }
    if !wide.isEmpty, label != nil { throw .badData("data.wide is for numbers, not for data.label") }
  }

  private func refuseColumnKeys() throws(Failure) {
    let used: [(String, Bool)] = [
      ("categorical", !categorical.isEmpty), ("static", !statics.isEmpty), ("known", !known.isEmpty),
      ("series", !series.isEmpty), ("wide", !wide.isEmpty), ("time", time != nil),
      ("calendar", !calendar.isEmpty), ("weight", weight != nil), ("relative", isRelative),
      ("paths", !paths.isEmpty && format != .npy && format != .idx),
      ("split.by", split.unit != .windows),
      ("features", !features.isEmpty), ("targets", !targets.isEmpty), ("label", label != nil),
      ("group", group != nil), ("text", text != nil), ("window", window != 1),
      ("horizon", horizon != 0 || horizons != nil), ("per_step", perStep),
    ]
    for (key, isUsed) in used where isUsed {
      throw .badData("data.\(key) is for csv, not for \(format.rawValue)")
    }
  }

  private func checkLabelFiles() throws(Failure) {
    if labelsPath == nil, labelsPaths.isEmpty, !areTargetsOptional {
      throw .badData(
        "data.labels_path is missing: \(format.rawValue) needs the file with the labels of data.path")
    }
    for (key, file, labels) in [
      ("validation", validationPath, validationLabelsPath), ("test", testPath, testLabelsPath),
    ] where (file == nil) != (labels == nil) {
      throw .badData("data.\(key)_path and data.\(key)_labels_path belong together; set both or none")
    }
  }

  /// CSV of texts.
  private func checkTexts() throws(Failure) {
    let used = [
      ("features", !features.isEmpty), ("group", group != nil), ("window", window != 1),
      ("horizon", horizon != 0 || horizons != nil), ("per_step", perStep),
      ("categorical", !categorical.isEmpty), ("static", !statics.isEmpty), ("known", !known.isEmpty),
      ("series", !series.isEmpty), ("wide", !wide.isEmpty), ("time", time != nil),
      ("weight", weight != nil), ("paths", !paths.isEmpty), ("split.by", split.unit != .windows),
    ]
    for (key, isUsed) in used where isUsed {
      throw .badData("data.\(key) is not for texts (data.text), each of which is a sample; remove it")
    }
    let others = targets + (label.map { [$0] } ?? [])
    if let text, others.contains(where: { $0.hasSameBytes(as: text) }) {
      throw .badData("data.text \(quoted(text)) is also what is to be predicted")
    }
    guard gaps == .refuse || gaps == .drop else {
      throw .badData("data.gaps: \(gaps.rawValue) can't fill texts or what belongs to them; use drop")
    }
    try checkVocabulary()
  }

  private func checkText() throws(Failure) {
    if scale != .none { throw .badData("data.scale is not for text") }
    if sequenceLength < 1 {
      throw .badData("data.sequence_length must be at least 1, not \(sequenceLength)")
    }
    try checkVocabulary()
  }

  private func checkVocabulary() throws(Failure) {
    if minCount < 1 { throw .badData("data.min_count must be at least 1, not \(minCount)") }
    if let vocabulary, vocabulary < 2 {
      throw .badData("data.vocabulary must be at least 2, not \(vocabulary)")
    }
    if tokens == .byte, minCount > 1 || vocabulary != nil {
      throw .badData(
        "data.min_count and data.vocabulary are not for bytes, which are always 256; remove them")
    }
  }

  private func checkTagged() throws(Failure) {
    if scale != .none { throw .badData("data.scale is not for tagged text") }
    if minCount < 1 { throw .badData("data.min_count must be at least 1, not \(minCount)") }
    if let vocabulary, vocabulary < 2 {
      throw .badData("data.vocabulary must be at least 2, not \(vocabulary)")
    }
    if tokenColumn < 0 || tagColumn < 0 || tokenColumn == tagColumn {
      throw .badData("data.token_column and data.tag_column must be two different columns, from 0")
    }
  }

  private func checkPairs() throws(Failure) {
    if scale != .none { throw .badData("data.scale is not for pairs") }
    if minCount < 1 { throw .badData("data.min_count must be at least 1, not \(minCount)") }
    for (key, kind) in [("tokens", tokens), ("target_tokens", targetTokens ?? tokens)] where kind == .byte {
      throw .badData("data.\(key): pairs are of characters or words, not of bytes")
    }
  }

  private func checkSplit() throws(Failure) {
    let shares = [("train", split.train), ("validation", split.validation), ("test", split.test)]
    for (key, share) in shares {
      switch share {
      case .count(let count) where count < 0:
        throw .badData("data.split.\(key) must not be negative, but is \(count)")
      case .fraction(let fraction) where !(fraction >= 0 && fraction <= 1):
        throw .badData("data.split.\(key) must be a fraction from 0 to 1, not \(fraction)")
      default: break
      }
    }
    if shares.count(where: { $0.1 == .rest }) > 1 {
      throw .badData("data.split: only one part can be the rest")
    }
    if validationPath != nil && split.validation != nil {
      throw .badData("data.validation_path and data.split.validation exclude each other; keep one")
    }
    if testPath != nil && split.test != nil {
      throw .badData("data.test_path and data.split.test exclude each other; keep one")
    }
  }
}
