import Batches
import Diagnostics
import Files

/// One file of texts with what belongs to each.
private struct TextSource {
  let texts: TextRows
  let values: (any NumberTable)?
  let classes: [Int32]
  /// Of each text, the row of the file, from 0.
  let records: [Int]

  /// - classNames: set from this file where nil.
  /// - origin: where they are from, for messages.
  init(
    _ file: InputFile, _ data: DataSpecification, _ classNames: inout [String]?, origin: String
  ) throws(Failure) {
    let header = try CSVHeader(file, data)
    let isOptional = data.areTargetsOptional
    func isThere(_ name: String) -> Bool {
      !isOptional || header.names.contains { $0.hasSameBytes(as: name) }
    }
    let text = try header.index(of: data.text ?? "", key: "data.text")
    let targets = data.targets.filter(isThere)
    let label = try header.indices(of: [data.label].compactMap(\.self).filter(isThere), key: "data.label")
    var table = try CSVReader.read(
      header, columns: header.indices(of: targets, key: "data.targets"), names: [text] + label,
      gaps: nil, notation: data.notation)
    try table.closeGaps(data.gaps, numbers: isOptional ? [] : nil, names: isOptional ? [0] : nil)
    texts = try TextRows(table, data.tokens)
    records = (0..<table.rows).map { [table] in table.record($0) }
    guard data.label == nil else {
      values = nil
      classes = try Self.classes(table, &classNames, origin: origin, isOptional: isOptional)
      return
    }
    classes = []
    values = TextTargets(
      table: table, slots: data.targets.map { name in targets.firstIndex { $0.hasSameBytes(as: name) } },
      mayBeUnknown: isOptional)
  }

  private static func classes(
    _ table: CSVTable, _ names: inout [String]?, origin: String, isOptional: Bool
  ) throws(Failure) -> [Int32] {
    guard table.names.count == 2 else { return [Int32](repeating: -1, count: table.rows) }
    return try ClassNumbers(
      texts: table.names[1].texts, codes: table.names[1].codes, location: { table.location($0, name: 1) }
    ).numbers(&names, origin: origin, isOptional: isOptional)
  }
}

/// The numbers that belong to texts.
private struct TextTargets: NumberTable {
  let table: CSVTable
  /// For each target its place in the table; nil where there is no such column.
  let slots: [Int?]
  let mayBeUnknown: Bool
  var rows: Int { table.rows }
  var columns: Int { slots.count }

  func read(_ rows: Range<Int>, into block: UnsafeMutablePointer<Double>) {
    for (index, row) in rows.enumerated() {
      for (column, slot) in slots.enumerated() {
        block[index * columns + column] = slot.map { table[row, $0] } ?? .nan
      }
    }
  }
  func location(row: Int, column: Int) -> String {
    slots[column].map { table.location(row, number: $0) } ?? table.path
  }
}

extension LoadedData {
  /// CSV whose rows are texts, each with a class or numbers.
  /// - vocabulary: of a checkpoint.
  init(
    texts specification: DataSpecification, _ scaler: Scaler?, _ classNames: [String]?,
    _ vocabulary: [String]?
  ) throws(Failure) {
    var files: [InputFile] = []
    var names = classNames
    func read(_ path: String?, _ key: String) throws(Failure) -> TextSource? {
      guard let path else { return nil }
      let file = try specification.open(path, key: "data.\(key)")
      files.append(file)
      let origin = classNames == nil ? specification.path : "the checkpoint"
      return try TextSource(file, specification, &names, origin: origin)
    }
    guard let main = try read(specification.path, "path") else { preconditionFailure("there is a path") }
    let others = [
      try read(specification.validationPath, "validation_path"),
      try read(specification.testPath, "test_path"),
    ]
    let partition = try Partition(specification.split, of: main.texts.count, file: specification.path)
    // What is only in the other parts is unknown to a network that never saw it.
    let seen = main.texts.counts(first: (partition.train ?? 0..<main.texts.count).upperBound)
    let words = vocabulary ?? Vocabulary.learned(seen, specification)
    var shape = SampleShape(
      steps: ([main] + others.compactMap { $0 }).map(\.texts.longest).max() ?? 0, features: 0,
      target: main.values.map { .values(width: $0.columns) } ?? .classes(count: names?.count ?? 0))
    (shape.hasEqualLengths, shape.vocabulary) = (false, words.count)
    var fitted = scaler
    if fitted == nil {
      fitted = try main.fit(specification, [main] + others.compactMap { $0 }, partition.train)
    }
    try fitted?.check(features: 0, targets: main.values?.columns ?? 0)

    let scaling =
      fitted.map { RowScaling(method: $0.method, scale: .init(columns: $0.targets)) } ?? RowScaling()
    func sets(_ source: TextSource, _ ranges: [Range<Int>?]) throws(Failure) -> [TokenSet?] {
      let tokens = source.texts.encoded(words)
      let values = try source.values?.floats(scaling) ?? .own([])
      if let table = source.values {
        try specification.requireTargets(
          values, 0..<table.rows * table.columns, of: table, isScaled: fitted != nil)
      }
      return ranges.map { rows in
        rows.map {
          TokenSet(
            shape: shape, tokens: tokens,
            targets: source.values == nil ? .classes(source.classes) : .values(values),
            starts: source.texts.starts, samples: $0)
        }
      }
    }
    var parts = try sets(main, [partition.train, partition.validation, partition.test])
    var records = parts.map { set in set.map { main.records[$0.samples] } ?? [] }
    for (index, other) in others.enumerated() {
      guard let other else { continue }
      parts[index + 1] = try sets(other, [0..<other.texts.count])[0]
      records[index + 1] = other.records[...]
    }
    (train, validation, test) = (parts[0], parts[1], parts[2])
    self.shape = shape
    self.scaler = fitted
    featureNames = []
    targetNames = specification.label == nil ? specification.targets : []
    self.classNames = specification.label == nil ? [] : names ?? []
    self.vocabulary = words
    fingerprint = try Self.fingerprint(files)
    rows = Array(records.joined())
    unused = partition.unused(of: main.texts.count)
  }
}

extension TextSource {
  /// The scale of the targets, as `data.scale` asks for it; nil for none.
  fileprivate func fit(
    _ specification: DataSpecification, _ all: [TextSource], _ train: Range<Int>?
  ) throws(Failure) -> Scaler? {
    guard let method = Scaler.Method(rawValue: specification.scale.rawValue), values != nil else {
      return nil
    }
    var tables: [(table: any NumberTable, rows: Range<Int>)] = []
    switch specification.fitScaleOn {
    case .all: tables = all.compactMap { $0.values }.map { ($0, 0..<$0.rows) }
    case .train:
      guard let train, let values else {
        throw .badData("data.fit_scale_on is train, but the split has no training samples; set it to all")
      }
      tables = [(values, train)]
    }
    let columns = try Scaler.fit(method, tables).columns
    return Scaler(
      method: method, features: [],
      targets: specification.targetsAreCounts ? columns.map { _ in .identity } : columns)
  }
}

extension Vocabulary {
  /// The tokens of a training part that occur often enough, the most frequent first, after the one for all others; of bytes all.
  static func learned(_ counts: [Name: Int], _ specification: DataSpecification) -> [String] {
    if specification.tokens == .byte { return (0..<256).map(String.init) }
    let kept = counts.filter { $0.value >= specification.minCount && $0.key != Name(unknown) }
      .sorted {
        $0.value != $1.value
          ? $0.value > $1.value : $0.key < $1.key
      }
    return [unknown] + kept.prefix((specification.vocabulary ?? Int.max) - 1).map { $0.key.text }
  }
}
