/// Targets at several distances as columns: row r holds rows r + h of another table side by side, for each horizon h in order.
struct HorizonTable: NumberTable {
  let base: any NumberTable
  /// Ascending.
  let horizons: [Int]

  var rows: Int { max(0, base.rows - (horizons.last ?? 0)) }
  var columns: Int { base.columns * horizons.count }
  var mayBeUnknown: Bool { base.mayBeUnknown }

  func read(_ rows: Range<Int>, into block: UnsafeMutablePointer<Double>) {
    let width = base.columns
    let scratch = UnsafeMutablePointer<Double>.allocate(capacity: rows.count * width)
    defer { scratch.deallocate() }
    for (index, horizon) in horizons.enumerated() {
      base.read(rows.lowerBound + horizon..<rows.upperBound + horizon, into: scratch)
      for row in 0..<rows.count {
        for column in 0..<width {
          block[row * columns + index * width + column] = scratch[row * width + column]
        }
      }
    }
  }

  func place(row: Int, column: Int) -> String {
    base.place(row: row + horizons[column / base.columns], column: column % base.columns)
  }
}

extension NumberTable {
  /// The table before its rows were put side by side.
  var unshifted: any NumberTable { (self as? HorizonTable)?.base ?? self }
}

extension SampleLayout {
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
  /// How far behind a step its targets lie, ascending.
  public var allHorizons: [Int] { horizons ?? [horizon] }
  /// Names of the targets: with several horizons `Close+1`, `Close+2`, …, all targets of the first horizon before the next.
  var targetColumnNames: [String] {
    guard let horizons else { return targets }
    return horizons.flatMap { horizon in targets.map { "\($0)+\(horizon)" } }
  }
}
