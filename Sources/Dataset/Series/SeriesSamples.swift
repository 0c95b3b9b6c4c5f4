import Batches
import Diagnostics
import Files

/// What the samples of a table of series have besides their numbers.
struct SeriesDetails {
  let table: SeriesTable
  /// nil where each series is one sample.
  let windows: SeriesWindows?
  let inputNames: [String]
  /// `[rows, C]`; 0 for what is not among the names.
  let categories: [Int32]
  /// Of each categorical column what training has seen; its code is one more than its place.
  let categoryNames: [[String]]
  /// Values of them that have no code.
  let unseen: [UnseenCategories]
  /// `[rows, weightsPerRow]`, of the targets that belong to a row, one for each horizon; empty where all count alike.
  let weights: [Float]
  let weightsPerRow: Int

  /// The series that have a sample.
  var sampledNames: [String] {
    guard let windows else { return [] }
    return Set(windows.series).sorted().map { table.names[Int($0)] }
  }
}

extension SampleSource {
  /// - names: of classes and categories; set from this table where nil.
  /// - isMain: whether `data.split` is of this file.
  init(
    series files: [InputFile], _ data: DataSpecification, _ names: inout DataNames, origin: String,
    isMain: Bool
  ) throws(Failure) {
    let table = try SeriesTable(files, data)
    path = table.rows.path
    let windows = try data.group == nil ? SeriesWindows(table, data, isMain ? data.split : nil) : nil
    let roles = table.rows.roles
    let fills = data.gaps.fillsMeans
    let horizons = data.group == nil ? data.allHorizons : [0]
    try table.requireDates(data)
    let inputs = table.rows.inputs(data, starts: table.starts, mayBeUnknown: fills)
    (self.inputs, scaledInputs) = (inputs.table, inputs.scaled)

    let targets = TableColumns(
      table: table.rows, slots: roles.targets, mayBeUnknown: fills || data.areTargetsOptional)
    // What lies at each horizon of a row.
    let ahead: [[Int?]]
    if data.group == nil {
      layout = SampleLayout.windows(data, firsts: windows!.firsts)
      samples = windows!.firsts.count
      ahead = horizons.map { table.ahead($0) }
      let levels = HorizonTable(base: targets, horizons: horizons, starts: table.starts, ends: table.ends)
      let since = data.isRelative ? LastObserved(targets, starts: table.starts) : nil
      let values: any NumberTable = since.map { ChangeTable(ahead: levels, since: $0) } ?? levels
      self.values = data.label == nil ? values : nil
      bases = since?.bases(windows!.firsts.lazy.map { $0 + data.window - 1 })
    } else {
      layout = .separate(starts: table.starts, targets: data.perStep ? .eachRow : .lastRow)
      samples = table.count
      ahead = [Array(0..<table.rows.rows)]
      values = data.label == nil ? targets : nil
    }
    let classes = try roles.label.map { (column) throws(Failure) in
      try table.rows.classes(
        column, &names.classes, origin: origin, isOptional: data.areTargetsOptional || fills)
    }
    self.classes = classes.map { classes in ahead[0].map { $0.map { classes[$0] } ?? -1 } } ?? []
    let weights = try roles.weight.map { (column) throws(Failure) in try table.rows.weights(column) }
    let categories = try table.rows.categories(&names.categories, training: windows?.trainRows)
    series = SeriesDetails(
      table: table, windows: windows, inputNames: data.inputNames, categories: categories.codes,
      categoryNames: names.categories ?? [], unseen: categories.unseen,
      weights: weights.map { weights in
        ahead[0].indices.flatMap { row in ahead.map { $0[row].map { weights[$0] } ?? 0 } }
      } ?? [], weightsPerRow: weights == nil ? 0 : ahead.count)
    firstHorizon = horizons[0]
    record = { [table] in table.record($0 + horizons[0], of: $0) }
  }
}

/// What classes and categories are called: of a checkpoint, or found in the main file.
struct DataNames {
  var classes: [String]?
  var categories: [[String]]?
}

extension SeriesTable {
  /// Of each row the one so far after it in its series; nil where there is none.
  func ahead(_ distance: Int) -> [Int?] {
    (0..<count).flatMap { series in
      (starts[series]..<starts[series + 1]).map { $0 + distance < ends[series] ? $0 + distance : nil }
    }
  }

  /// The number of a row in its file, counted on after the end of its series.
  /// - owner: a row of the series.
  func record(_ row: Int, of owner: Int) -> Int {
    let end = ends[series(of: owner)]
    return row < end ? rows.origins[row].record : rows.origins[end - 1].record + row - end + 1
  }
}

extension TableRows {
  fileprivate func weights(_ column: Int) throws(Failure) -> [Float] {
    try (0..<rows).map { (row) throws(Failure) in
      let weight = Float(self[row, column])
      guard weight >= 0, weight.isFinite else {
        throw .badData(
          "\(location(row, number: column)): a weight is at least 0 and not more than a 32-bit float holds, not \(self[row, column])"
        )
      }
      return weight
    }
  }

  /// The class of each row as a number into the names.
  fileprivate func classes(
    _ column: Int, _ names: inout [String]?, origin: String, isOptional: Bool
  ) throws(Failure) -> [Int32] {
    try ClassNumbers(
      texts: texts[column], codes: codes[column], location: { location($0, name: column) }
    ).numbers(&names, origin: origin, isOptional: isOptional)
  }
}

extension DataSpecification {
  /// What each number of a step is called.
  package var inputNames: [String] {
    var names = features + statics + Self.names(known, at: known.isEmpty ? nil : allHorizons)
    names += calendar.flatMap { ["\($0.rawValue)_sin", "\($0.rawValue)_cos"] }
    if gaps == .mask { names += (features + statics).map { "\($0)_observed" } }
    return names
  }

  /// Whether samples are windows of a table's rows, with numbers after them as targets.
  package var hasWindows: Bool { format == .csv && group == nil && text == nil && label == nil }

  /// Columns of what is read of a step that are known in advance: those of the first horizon, then of the second.
  package var knownColumns: Range<Int> {
    let start = features.count + statics.count
    return start..<start + known.count * allHorizons.count
  }

  /// Whether reading needs more than rows of numbers in the order of one file.
  var isTableOfSeries: Bool {
    !series.isEmpty || time != nil || !calendar.isEmpty || !categorical.isEmpty || !known.isEmpty
      || !statics.isEmpty || isRelative || weight != nil || !wide.isEmpty || !paths.isEmpty || gaps.fillsMeans
      || split.unit != .windows || areTargetsOptional || group != nil || withheldRows > 0
  }
}
