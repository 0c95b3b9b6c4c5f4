import Batches
import Diagnostics

/// The last rows of each series of a table, and room after them for the rows that are forecast.
///
/// Steps count from the last row of a series: step 0 is that row, 1 the one after it. What is forecast is put into its row, so that a
/// window may reach over it.
public struct ForecastSource {
  /// What a series is, and what of it is known.
  public struct Series: Sendable {
    /// "" for one that has none.
    public let name: String
    /// Of the last row in its file, from 0.
    public let lastRecord: Int
    /// Of step 1, 2, …, as the table writes times; nil where nobody knows them.
    public let times: [String?]
    /// The targets up to step 0, `[rows][targets]`.
    public let history: [[Double]]
    /// What came, where rows were held back: of step 1, 2, …
    public let truth: [[Double]]
    /// Where times go on by a step that many of the series' own rows break; else nothing.
    public let broken: BrokenSteps

    package init(
      name: String, lastRecord: Int, times: [String?], history: [[Double]], truth: [[Double]],
      broken: BrokenSteps = BrokenSteps()
    ) {
      (self.name, self.lastRecord, self.times) = (name, lastRecord, times)
      (self.history, self.truth, self.broken) = (history, truth, broken)
    }
  }

  public let series: [Series]
  /// Series whose history is too short for a window, with the rows that are missing.
  public let short: [(name: String, missing: Int)]
  /// Of a window.
  public let shape: SampleShape
  public let targetNames: [String]
  public let hasTimes: Bool

  private let data: DataSpecification
  private let scaler: Scaler?
  private let scaling: RowScaling
  private var rows: TableRows
  /// Where the rows of each series begin, and the end of the last; each has as many.
  private let starts: [Int]
  /// Rows of a series that are known.
  private let kept: Int
  private let codes: [Int32]
  /// Values of categorical columns that training has not seen.
  public let unseenCategories: [UnseenCategories]
  /// The place of `--known` among the files of `rows`.
  private let knownFile: Int?
  /// Of the targets of each series.
  private let scales: [[Scaler.ColumnScale]]
  /// The scaled inputs, `[rows, F]`, as far as they are known.
  private var inputs: [Float] = []

  /// - data: of the recipe, with the file to go on from. knownPath: see there.
  /// - names: of the categories, from a checkpoint.
  /// - steps: rows to have room for. back: rows before step 0 that a window may end in.
  /// - Throws: a `Failure` that names what is missing.
  public init(
    _ data: DataSpecification, scaler: Scaler?, categoryNames: [[String]], steps: Int, back: Int
  ) throws(Failure) {
    let room = Room(kept: data.window + back, steps: steps)
    let reading = try ForecastReading(data, room)
    self.data = data
    self.scaler = scaler
    (rows, starts, kept) = (reading.rows, reading.starts, room.kept)
    (series, short) = (reading.series, reading.short)
    hasTimes = reading.format != nil
    targetNames = data.targets
    scales = scaler?.scales(of: series.map(\.name)).map(\.targets) ?? []
    scaling = RowScaling(scaler, names: series.map(\.name), starts: starts) {
      .init(columns: $0.features, fills: $0.fills)
    }
    var names: [[String]]? = categoryNames
    (codes, unseenCategories) = try rows.categories(&names, training: nil)
    knownFile = data.knownPath == nil ? nil : rows.files.count - 1
    let inputs = rows.inputs(data, starts: starts, mayBeUnknown: true)
    var shape = SampleShape(
      steps: data.window, features: inputs.table.columns,
      target: .values(width: data.targets.count * data.allHorizons.count))
    shape.hasTargetPerStep = data.perStep
    shape.categories = categoryNames.map { $0.count + 1 }
    self.shape = shape
    try scaler?.check(
      features: inputs.scaled, targets: data.targets.count * data.allHorizons.count)
  }

  /// How many rows of a series are there.
  struct Room {
    /// Up to step 0.
    let kept: Int
    /// After it.
    let steps: Int
    var rows: Int { kept + steps }
  }

  private func row(_ series: Int, step: Int) -> Int { starts[series] + kept - 1 + step }

  /// Puts what is forecast into its row.
  /// - values: of the targets, in the units of the file.
  public mutating func set(_ values: [Double], series: Int, step: Int) {
    for (column, value) in zip(rows.roles.targets, values) { rows[row(series, step: step), column] = value }
  }

  /// Brings the inputs of windows to what the rows hold now.
  ///
  /// The first time those of all rows are computed, so that a number that can't be used is found at once. Later only the rows of
  /// these windows are: a round costs what its windows cost, however many went before.
  /// - steps: in which the windows end.
  public mutating func update(windowsEndingIn steps: ClosedRange<Int>) throws(Failure) {
    let table = rows.inputs(data, starts: starts, mayBeUnknown: true).table
    guard !inputs.isEmpty else {
      if case .own(let floats) = try table.floats(scaling) { inputs = floats }
      return
    }
    for series in series.indices {
      let first = row(series, step: steps.lowerBound - shape.steps + 1)
      try table.write(first..<row(series, step: steps.upperBound) + 1, to: &inputs, scaling)
    }
  }

  /// Windows as a batch.
  /// - windows: each the number of a series, and the step that is its last.
  public func batch(_ windows: [(series: Int, step: Int)]) throws(Failure) -> Batch {
    let batch = Batch(shape, capacity: windows.count)
    (0..<Int32(windows.count)).map { $0 }.withUnsafeBufferPointer { batch.arrange($0) { _ in shape.steps } }
    for window in windows { try requireKnown(window.series, step: window.step) }
    let (features, columns) = (shape.features, shape.categories.count)
    batch.rows.forEachRow { row, place, step in
      let (series, last) = windows[Int(batch.numbers[place])]
      let from = self.row(series, step: last - shape.steps + 1 + step)
      for column in 0..<features {
        batch.inputs[row * features + column] = inputs[from * features + column]
      }
      for column in 0..<columns {
        batch.categories![row * columns + column] = codes[from * columns + column]
      }
    }
    return batch
  }

  /// Series that have no scale of their own, because training did not see them.
  public var unseen: [String] { scaler?.unseen(series.map(\.name)) ?? [] }

  /// What the targets of a window count from, where they are changes: the last value of each that was observed, or forecast, up to the
  /// window's last row; NaN where there is none.
  /// - step: the window's last.
  public func targetBase(of series: Int, step: Int) -> [Double]? {
    guard data.isRelative else { return nil }
    return rows.roles.targets.enumerated().map { place, column in
      let ahead = stride(from: step, to: 0, by: -1).lazy.map { rows[row(series, step: $0), column] }
      if let forecast = ahead.first(where: { !$0.isNaN }) { return forecast }
      // A gap may reach further back than the rows that are kept for windows.
      return self.series[series].history.dropLast(max(0, -step)).last { !$0[place].isNaN }?[place] ?? .nan
    }
  }

  /// Targets of series that have no value to count changes from in a window that ends in this step.
  public func unobserved(upTo step: Int) -> [(series: String, target: String)] {
    series.indices.flatMap { number in
      zip(targetNames, targetBase(of: number, step: step) ?? []).filter { $1.isNaN }
        .map { (series[number].name, $0.0) }
    }
  }

  /// How the targets of a series were scaled; nil where they were not.
  public func targetScale(of series: Int) -> [Scaler.ColumnScale]? { scaler == nil ? nil : scales[series] }

  /// A target as the network sees it, and how much one of its units is in those of the file.
  public func scaled(_ value: Double, series: Int, output: Int) -> (value: Double, unit: Double) {
    guard let scaler, !scaler.targets.isEmpty else { return (value, 1) }
    let own = scales[series]
    return (scaler.method.scale(value, own[output]), scaler.targetUnit(output, own: own))
  }

  /// Where a row stands in the file of known rows, whose column has nothing there; nil where the file lacks the row or the column.
  private func gapInKnown(_ row: Int, _ column: String) -> Failure? {
    guard let knownFile, rows.origins[row].file == knownFile,
      rows.files[knownFile].names.contains(where: { $0.hasSameBytes(as: column) })
    else { return nil }
    return .badData(
      "\(rows.location(row, column)): the value is missing, and the forecast reads it; fill it in")
  }

  /// Refuses a window that reaches over what nobody knows.
  private func requireKnown(_ series: Int, step last: Int) throws(Failure) {
    let roles = rows.roles
    let name = self.series[series].name
    let of = name.isEmpty ? "" : " of series \(quoted(name))"
    func known(_ column: Int, _ step: Int) -> Bool { !rows[row(series, step: step), column].isNaN }
    for step in max(1, last - shape.steps + 1)...max(1, last) where step <= last {
      let unknown = roles.features.filter { !known($0, step) }
      let row = row(series, step: step)
      let text = roles.categories.first { rows.isMissing(row, name: $0) }.map { roles.names[$0].name }
      // A target is forecast, so that what has to be given is any other column.
      let given = unknown.first { !roles.targets.contains($0) }.map { roles.numbers[$0].name }
      if let column = given ?? text ?? unknown.first.map({ roles.numbers[$0].name }) {
        if let gap = gapInKnown(row, column) { throw gap }
        if let knownFile, !rows.files[knownFile].names.contains(where: { $0.hasSameBytes(as: column) }) {
          throw .badData(
            "\(rows.files[knownFile].file.path): there is no column \(quoted(column)), and a forecast of more steps reads it after the "
              + "last row\(of); add it, or ask for fewer --steps")
        }
        throw .badData(
          "column \(quoted(column)) is not known after the last row\(of), and a forecast of more steps reads it; "
            + "give its values by --known FILE, or ask for fewer --steps")
      }
    }
    guard !roles.known.isEmpty, let furthest = data.allHorizons.last else { return }
    let end = last + furthest
    let first = max(1, last - shape.steps + 1 + data.allHorizons[0])
    for column in roles.known {
      // What lies before the rows that this window reads has been read by the rounds before.
      guard first <= end, !(first...end).allSatisfy({ known(column, $0) }),
        let gap = (1...end).first(where: { !known(column, $0) })
      else { continue }
      if let gap = gapInKnown(row(series, step: gap), roles.numbers[column].name) { throw gap }
      throw .badData(
        "data.known reads column \(quoted(roles.numbers[column].name)) \(end) rows after the last one\(of), and \(gap - 1) "
          + "are there: give \(end - gap + 1) more by --known FILE")
    }
  }
}
