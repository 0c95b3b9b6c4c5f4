import Diagnostics
import Files

extension LoadedData {
  /// - given: names of a checkpoint.
  init(
    csv data: DataSpecification, _ scaler: Scaler?, given: DataNames, _ group: LoadingGroup?
  ) throws(Failure) {
    // What order the rows of series are in is found by sorting: each process reads and sorts for itself, and the result is held once.
    let readers = data.isTableOfSeries ? nil : group
    var files: [InputFile] = []
    var names = given
    var room = CSVRoom(data)
    let sources = try SampleSources(data) { (path, _, part) throws(Failure) in
      let origin = given.classes == nil ? data.path : "the checkpoint"
      let paths = try part == .main ? data.mainFiles() : [path]
      if PackIndex.isThere(in: path) {
        try data.requirePlainTable()
        let file = try data.open("\(path)/\(PackIndex.fileName)", key: part.pathKey, readers)
        files.append(file)
        return try SampleSource(
          packed: path, PackIndex(file), data, &names.classes, origin: origin, key: part.pathKey, readers)
      }
      let key = part == .main && !data.paths.isEmpty ? data.pathsName : part.pathKey
      // Machines may differ in memory: where one refuses, all do.
      try room.add(paths, group)
      if data.isTableOfSeries {
        return try group.alike { () throws(Failure) -> SampleSource in
          let own = try paths.map { (path) throws(Failure) in try data.open(path, key: key) }
          files += own
          var source = try SampleSource(
            series: own, data, &names, origin: origin, isMain: part == .main)
          source.isDivided = group.map { own.reduce(0) { $0 + $1.size } >= $0.sharedFrom } ?? false
          return source
        }
      }
      files.append(try data.open(paths[0], key: key, readers))
      return try SampleSource(csv: files[files.count - 1], data, &names.classes, origin: origin, readers)
    }
    try self.init(
      data, sources, scaler, featureNames: data.inputNames, targetNames: data.targetColumnNames,
      classNames: data.label == nil ? [] : names.classes ?? [], files: files, group)
  }
}

extension SampleSource {
  /// - classNames: set from this file where nil.
  /// - origin: where they are from, for messages.
  init(
    csv file: InputFile, _ data: DataSpecification, _ classNames: inout [String]?, origin: String,
    _ group: LoadingGroup?
  ) throws(Failure) {
    var parts: CSVParts?
    let header: CSVHeader
    if file.isDivided, let group {
      parts = try CSVParts(file, delimiter: data.delimiterByte(), hasNames: data.header, group)
      header = parts!.header
    } else {
      header = try CSVHeader(file, data)
    }
    let features = try header.indices(of: data.features, key: "data.features")
    let targets = try header.indices(of: data.targets, key: "data.targets")
    let names = try header.indices(of: [data.label].compactMap(\.self), key: "data.label")
    var columns = features
    for target in targets where !columns.contains(target) { columns.append(target) }
    let notation = data.notation
    let table: CSVTable
    if parts != nil {
      table = try parts!.read(columns: columns, names: names, gaps: data.gaps, notation: notation)
    } else {
      table = try CSVReader.read(header, columns: columns, names: names, gaps: data.gaps, notation: notation)
    }
    path = file.path
    isDivided = file.isDivided
    samples = try Self.windows(table.rows, data, file)
    layout = .windows(data)
    inputs = CSVColumns(table: table, slots: Array(features.indices))
    let own = CSVColumns(table: table, slots: targets.map { columns.firstIndex(of: $0)! })
    let labels = try names.isEmpty ? [] : table.classes(&classNames, origin: origin)
    record = table.record
    guard data.shiftsTargets else {
      (values, classes) = (names.isEmpty ? own : nil, labels)
      return
    }
    let horizons = data.allHorizons
    values = names.isEmpty ? HorizonTable(base: own, horizons: horizons) : nil
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
  /// The class of each row, of the first column of names.
  fileprivate func classes(_ classNames: inout [String]?, origin: String) throws(Failure) -> [Int32] {
    try ClassNumbers(
      texts: names[0].texts, codes: names[0].codes, location: { self.location($0, name: 0) }
    ).numbers(&classNames, origin: origin)
  }
}
