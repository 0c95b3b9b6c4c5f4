import Diagnostics
import Files

extension DataSpecification {
  /// Throws where a packed table can't be what the data section makes of it.
  func requirePlainTable() throws(Failure) {
    let used: [(String, Bool)] = [
      ("series", !series.isEmpty), ("time", time != nil), ("calendar", !calendar.isEmpty),
      ("categorical", !categorical.isEmpty), ("known", !known.isEmpty), ("static", !statics.isEmpty),
      ("relative", isRelative), ("weight", weight != nil), ("wide", !wide.isEmpty), ("paths", !paths.isEmpty),
      ("gaps", gaps != .refuse), ("split.by", split.unit != .windows), ("group", group != nil),
      ("text", text != nil),
    ]
    for (key, isUsed) in used where isUsed {
      throw .badData(
        "data.\(key) is not for a folder of recur pack (\(path)), which has rows of numbers and labels; name the CSV file itself"
      )
    }
  }
}

extension SampleSource {
  /// Windows of a table that `recur pack` made, as those of the CSV file.
  /// - classNames, origin: as of CSV.
  init(
    packed folder: String, _ index: PackIndex, _ data: DataSpecification, _ classNames: inout [String]?,
    origin: String, key: String, _ group: LoadingGroup?
  ) throws(Failure) {
    let table = try ShardTable(index, in: folder, key: key)
    let columns = index.columns ?? []
    let features = try Self.places(data.features, columns, "data.features", folder, areTexts: false)
    let targets = try Self.places(data.targets, columns, "data.targets", folder, areTexts: false)
    let label = try data.label.map { (name) throws(Failure) in
      try Self.places([name], columns, "data.label", folder, areTexts: true)[0]
    }
    let reach = data.allHorizons.last ?? 0
    guard data.window <= table.rows, reach <= table.rows - data.window else {
      throw .badData(
        "\(folder): data.window \(data.window) with data.horizon \(reach) is longer than its \(table.rows) rows"
      )
    }
    let inputs = table.selecting(features)
    self.init(
      path: folder, inputs: inputs, values: nil, classes: [], layout: .windows(data),
      samples: table.rows - data.window - reach + 1)
    (shards, block) = (inputs, data.shuffleBlock)
    isDivided = group.map { table.files.size >= $0.sharedFrom } ?? false
    record = { $0 }
    let own = table.selecting(targets)
    let labels = try label.map { (place) throws(Failure) in
      try table.classes(place, columns[place].texts ?? [], &classNames, origin: origin)
    }
    let first = data.shiftsTargets ? data.allHorizons[0] : 0
    if data.shiftsTargets {
      (self.reach, record) = (reach, { $0 + first })
      values = labels == nil ? HorizonTable(base: own, horizons: data.allHorizons) : nil
    } else {
      values = labels == nil ? own : nil
    }
    classes = Array((labels ?? []).dropFirst(first))
  }

  private static func places(
    _ names: [String], _ columns: [PackIndex.Column], _ key: String, _ folder: String, areTexts: Bool
  ) throws(Failure) -> [Int] {
    try names.map { (name) throws(Failure) -> Int in
      guard let place = columns.firstIndex(where: { $0.name.hasSameBytes(as: name) }) else {
        let list = columns.prefix(12).map { quoted($0.name) }.joined(separator: ", ")
        throw .badData("\(folder): there is no column \(quoted(name)) (\(key)); the columns are \(list)")
      }
      guard (columns[place].texts != nil) == areTexts else {
        throw .badData(
          areTexts
            ? "\(folder): column \(quoted(name)) (\(key)) was packed as numbers; pack it with --texts \(name)"
            : "\(folder): column \(quoted(name)) (\(key)) was packed as texts; use it as data.label, or pack it as numbers"
        )
      }
      return place
    }
  }
}

extension ShardTable {
  /// A column of texts as classes.
  fileprivate func classes(
    _ place: Int, _ texts: [String], _ classNames: inout [String]?, origin: String
  ) throws(Failure) -> [Int32] {
    var names = NameTable()
    for text in texts { _ = names.insert(text.utf8) }
    let column = selecting([place])
    var codes: [Int32] = []
    codes.reserveCapacity(rows)
    try column.forEachBlock(0..<rows) { (block, numbers) throws(Failure) in
      for row in 0..<block.count {
        guard let code = Int32(exactly: numbers[row]), code >= 0, code < texts.count else {
          throw column.failure
            ?? .badData(
              "\(column.location(row: block.lowerBound + row, column: 0)): is the number of no text")
        }
        codes.append(code)
      }
    }
    if let failure { throw failure }
    return try ClassNumbers(texts: names, codes: codes, location: { column.location(row: $0, column: 0) })
      .numbers(&classNames, origin: origin)
  }
}
