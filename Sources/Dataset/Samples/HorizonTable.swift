/// Targets at several distances as columns: row r holds rows r + h of another table side by side, for each horizon h in order.
struct HorizonTable: NumberTable {
  let base: any NumberTable
  /// Ascending.
  let horizons: [Int]
  /// Where each series begins, and the end of the last: what would lie in another one, or after all, is NaN. nil for one series, whose
  /// last rows are then left out.
  var starts: [Int]?
  /// After the last row of each series that says something, where that is before the next one begins.
  var ends: [Int]?

  var rows: Int { starts == nil ? max(0, base.rows - (horizons.last ?? 0)) : base.rows }
  var columns: Int { base.columns * horizons.count }
  var mayBeUnknown: Bool { starts != nil || base.mayBeUnknown }

  func read(_ rows: Range<Int>, into block: UnsafeMutablePointer<Double>) {
    let width = base.columns
    withUnsafeTemporaryAllocation(of: Double.self, capacity: max(1, rows.count * width)) { scratch in
      let numbers = scratch.baseAddress!
      for (index, horizon) in horizons.enumerated() {
        let first = min(rows.lowerBound + horizon, base.rows)
        base.read(first..<min(rows.upperBound + horizon, base.rows), into: numbers)
        for row in rows {
          let from = row + horizon - first
          let isThere = row + horizon < end(of: row)
          for column in 0..<width {
            block[(row - rows.lowerBound) * columns + index * width + column] =
              isThere ? numbers[from * width + column] : .nan
          }
        }
      }
    }
  }

  /// After the last row of the series that a row belongs to.
  private func end(of row: Int) -> Int {
    guard let starts else { return base.rows }
    var (low, high) = (0, starts.count - 1)
    while high - low > 1 {
      let middle = (low + high) / 2
      if starts[middle] <= row { low = middle } else { high = middle }
    }
    return ends?[low] ?? starts[high]
  }

  func location(row: Int, column: Int) -> String {
    base.location(
      row: min(row + horizons[column / base.columns], base.rows - 1), column: column % base.columns)
  }
}

extension NumberTable {
  /// The table before its rows were put side by side.
  var unshifted: any NumberTable { (self as? HorizonTable)?.base ?? self }
}

extension SampleLayout {
  /// Windows of series, whose targets stand beside the row that they belong to.
  /// - firsts: the first row of each.
  static func windows(_ data: DataSpecification, firsts: [Int]) -> SampleLayout {
    var layout = SampleLayout(
      steps: data.window, stride: 1, targets: data.perStep ? .eachRow : .offset(data.window - 1))
    layout.firsts = firsts.elementsEqual(firsts.indices) ? nil : firsts
    return layout
  }

  static func windows(_ specification: DataSpecification) -> SampleLayout {
    let window = specification.window
    guard specification.shiftsTargets else { return .windows(window, horizon: specification.horizon) }
    return SampleLayout(
      steps: window, stride: 1, targets: specification.perStep ? .eachRow : .offset(window - 1))
  }
}

extension DataSpecification {
  /// Whether targets are brought beside the step they belong to, before samples are made of them.
  var shiftsTargets: Bool { group == nil && (horizons != nil || perStep) }
  /// How far after a step its targets lie, ascending.
  public var allHorizons: [Int] { horizons ?? [horizon] }
  /// Names of the targets: with several horizons `Close+1`, `Close+2`, …, all targets of the first horizon before the next.
  package var targetColumnNames: [String] { Self.names(targets, at: horizons) }

  /// Names of columns at several horizons.
  static func names(_ names: [String], at horizons: [Int]?) -> [String] {
    guard let horizons else { return names }
    return horizons.flatMap { horizon in names.map { "\($0)+\(horizon)" } }
  }
}
