/// Targets as their changes since a row: `[rows, horizons × targets]`, the values ahead less those of the row itself.
struct ChangeTable: NumberTable {
  let ahead: HorizonTable
  /// `[rows, targets]`
  let now: TableColumns

  var rows: Int { ahead.rows }
  var columns: Int { ahead.columns }
  var mayBeUnknown: Bool { true }

  func read(_ rows: Range<Int>, into block: UnsafeMutablePointer<Double>) {
    ahead.read(rows, into: block)
    withUnsafeTemporaryAllocation(of: Double.self, capacity: max(1, rows.count * now.columns)) { scratch in
      let values = scratch.baseAddress!
      now.read(rows, into: values)
      for row in 0..<rows.count {
        for column in 0..<columns {
          block[row * columns + column] -= values[row * now.columns + column % now.columns]
        }
      }
    }
  }

  func place(row: Int, column: Int) -> String { ahead.place(row: row, column: column) }
}

/// What the targets of each sample count from, in the units of the file, where they are changes.
struct TargetBases: Sendable {
  /// `[samples, targets]`
  let values: [Double]
  let width: Int

  subscript(sample: Int) -> [Double] { Array(values[sample * width..<(sample + 1) * width]) }
}

extension SeriesTable {
  /// The targets at the last row of each window.
  func bases(_ firsts: [Int], window: Int) -> TargetBases {
    let targets = rows.roles.targets
    return TargetBases(
      values: firsts.flatMap { first in targets.map { rows[first + window - 1, $0] } }, width: targets.count)
  }
}
