import Diagnostics
import Files

extension LoadedData {
  init(
    csv specification: DataSpecification, _ scaler: Scaler?, _ classNames: [String]?, _ group: LoadingGroup?
  ) throws(Failure) {
    // Where sequences begin is found by reading the file once more: each process does that for itself.
    let group = specification.group == nil ? group : nil
    var files: [InputFile] = []
    var names = classNames
    let sources = try SampleSources(specification) { (path, _, part) throws(Failure) in
      let file = try specification.open(path, key: part.pathKey, group)
      files.append(file)
      let origin = classNames == nil ? specification.path : "the checkpoint"
      if specification.areTargetsOptional {
        return try SampleSource.unanswered(csv: file, specification, &names, origin: origin)
      }
      return try SampleSource(csv: file, specification, &names, origin: origin, group)
    }
    try self.init(
      specification, sources, scaler, featureNames: specification.features,
      targetNames: specification.targetColumnNames, classNames: specification.label == nil ? [] : names ?? [],
      files: files, group)
  }
}

extension SampleSource {
  /// - classNames: set from this file where nil.
  /// - origin: where they are from, for messages.
  init(
    csv file: InputFile, _ specification: DataSpecification, _ classNames: inout [String]?, origin: String,
    _ group: LoadingGroup?
  ) throws(Failure) {
    let delimiter = try specification.delimiterByte()
    var parts: CSVParts?
    let header: CSVHeader
    if file.isDivided, let group {
      parts = try CSVParts(file, delimiter: delimiter, hasNames: specification.header, group)
      header = parts!.header
    } else {
      header = try CSVHeader(file, delimiter: delimiter, hasNames: specification.header)
    }
    let features = try header.indices(of: specification.features, key: "data.features")
    let targets = try header.indices(of: specification.targets, key: "data.targets")
    let label = try specification.label.map { (name) throws(Failure) in
      try header.index(of: name, key: "data.label")
    }
    var columns = features
    for target in targets where !columns.contains(target) { columns.append(target) }
    let table: CSVTable
    if parts != nil {
      table = try parts!.read(columns: columns, label: label, gaps: specification.gaps)
    } else {
      table = try CSVReader.read(header, columns: columns, label: label, gaps: specification.gaps)
    }
    path = file.path
    isDivided = file.isDivided
    if let group = specification.group {
      let starts = try table.sequences(by: header.index(of: group, key: "data.group"))
      samples = starts.count - 1
      layout = .separate(starts: starts, targets: specification.perStep ? .eachRow : .lastRow)
    } else {
      samples = try Self.windows(table.rows, specification, file)
      layout = .windows(specification)
    }
    inputs = CSVColumns(table: table, slots: Array(features.indices))
    let own = CSVColumns(table: table, slots: targets.map { columns.firstIndex(of: $0)! })
    let labels = try label == nil ? [] : table.classes(&classNames, origin: origin)
    record = table.record
    guard specification.shiftsTargets else {
      (values, classes) = (label == nil ? own : nil, labels)
      return
    }
    let horizons = specification.allHorizons
    values = label == nil ? HorizonTable(base: own, horizons: horizons) : nil
    classes = Array(labels.dropFirst(horizons[0]))
    reach = horizons[horizons.count - 1]
    record = { [record = table.record] in record($0 + horizons[0]) }
  }

  /// How many windows with their targets fit: `rows - (window - 1) - horizon`.
  private static func windows(
    _ rows: Int, _ specification: DataSpecification, _ file: InputFile
  ) throws(Failure) -> Int {
    let (window, horizon) = (specification.window, specification.allHorizons.last ?? 0)
    guard window <= rows, horizon <= rows - window else {
      let reach =
        horizon == 0 ? "data.window \(window)" : "data.window \(window) with data.horizon \(horizon)"
      throw file.failure("\(reach) is longer than its \(rows) row\(rows == 1 ? "" : "s")")
    }
    return rows - window - horizon + 1
  }
}

extension CSVHeader {
  func indices(of names: [String], key: String) throws(Failure) -> [Int] {
    var indices: [Int] = []
    for name in names { indices.append(try index(of: name, key: key)) }
    return indices
  }
}

extension CSVTable {
  /// The first row of each run of rows with the same text in a column of the file, and the end of the last.
  func sequences(by column: Int) throws(Failure) -> [Int] {
    guard rows > 0 else { throw file.failure("has no rows") }
    let names = try CSVReader.read(header, columns: [], label: column)
    var starts: [Int] = []
    var seen: Set<Int32> = []
    var current: Int32 = -1
    for row in 0..<rows {
      let name = names.labels[record(row)]
      // text: these are numbers.
      if name == current { continue }
      guard seen.insert(name).inserted else {
        throw .badData(
          "\(place(row: row, fileColumn: column)): sequence \(quoted(names.labelNames[Int(name)])) was complete; "
            + "put its rows together")
      }
      starts.append(row)
      current = name
    }
    return starts + [rows]
  }

  /// The class of each row as a number into `classNames`.
  /// - isOptional: whether gaps and words like `NA` are -1 instead of errors.
  func classes(
    _ classNames: inout [String]?, origin: String, isOptional: Bool = false
  ) throws(Failure) -> [Int32] {
    let found = try (0..<labelNames.count).map { (number) throws(Failure) in
      if let name = Name(utf8: labelNames[number]) { return name }
      let row = labels.firstIndex(of: Int32(number)) ?? 0
      throw .badData(
        "\(place(row: row, fileColumn: labelColumn ?? 0)): class label \(quoted(labelNames[number])) is not UTF-8; "
          + "save the file as UTF-8")
    }
    let names = classNames ?? sortedClassNames(found.map(\.text))
    classNames = names
    let numbers = Name.numbers(names)
    let (wrong, unknown) = (Int32(-1), Int32(-2))
    let map = found.map { name in
      numbers[name] ?? (isOptional && CSVReader.isGapWord(Array(name.text.utf8)) ? unknown : wrong)
    }
    let classes = labels.map { $0 < 0 ? unknown : map[Int($0)] }
    if let row = classes.firstIndex(of: wrong), let labelColumn {
      let name = quoted(labelNames[Int(labels[row])])
      throw .badData(
        "\(place(row: row, fileColumn: labelColumn)): class label \(name) is not among the \(names.count) of \(origin)"
      )
    }
    return isOptional ? classes.map { max($0, -1) } : classes
  }
}

/// Class names in an order that does not depend on the rows': as numbers where all are whole numbers, else by bytes.
package func sortedClassNames(_ names: [String]) -> [String] {
  let numbers = names.compactMap { Int($0) }
  if numbers.count == names.count {
    return zip(numbers, names).sorted { ($0.0, Name($0.1)) < ($1.0, Name($1.1)) }.map(\.1)
  }
  return names.sorted { Name($0) < Name($1) }
}
