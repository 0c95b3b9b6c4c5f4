/// Targets as their changes since a row: `[rows, horizons × targets]`, the values ahead less the last ones observed up to the row.
struct ChangeTable: NumberTable {
  let ahead: HorizonTable
  /// `[rows, targets]`
  let since: LastObserved

  var rows: Int { ahead.rows }
  var columns: Int { ahead.columns }
  var mayBeUnknown: Bool { true }

  func read(_ rows: Range<Int>, into block: UnsafeMutablePointer<Double>) {
    ahead.read(rows, into: block)
    withUnsafeTemporaryAllocation(of: Double.self, capacity: max(1, rows.count * since.columns)) { scratch in
      let values = scratch.baseAddress!
      since.read(rows, into: values)
      for row in 0..<rows.count {
        for column in 0..<columns {
          block[row * columns + column] -= values[row * since.columns + column % since.columns]
        }
      }
    }
  }

  func location(row: Int, column: Int) -> String { ahead.location(row: row, column: column) }
}

/// Of each row the last value of each column that its series has there or before; NaN where it has none yet.
struct LastObserved: NumberTable {
  private let base: TableColumns
  /// `[rows, columns]`; nil where no value is missing, so that those of the table are the last ones.
  private let carried: [Double]?

  var rows: Int { base.rows }
  var columns: Int { base.columns }
  var mayBeUnknown: Bool { true }

  /// - starts: where each series begins, and the end of the last.
  init(_ base: TableColumns, starts: [Int]) {
    self.base = base
    let (table, slots) = (base.table, base.slots)
    guard (0..<base.rows).contains(where: { row in slots.contains { table[row, $0].isNaN } }) else {
      carried = nil
      return
    }
    var values: [Double] = []
    values.reserveCapacity(base.rows * slots.count)
    for (first, end) in zip(starts, starts.dropFirst()) {
      var last = [Double](repeating: .nan, count: slots.count)
      for row in first..<end {
        for (place, slot) in slots.enumerated() where !table[row, slot].isNaN {
          last[place] = table[row, slot]
        }
        values += last
      }
    }
    carried = values
  }

  func read(_ rows: Range<Int>, into block: UnsafeMutablePointer<Double>) {
    guard let carried else { return base.read(rows, into: block) }
    for (to, from) in (rows.lowerBound * columns..<rows.upperBound * columns).enumerated() {
      block[to] = carried[from]
    }
  }

  func location(row: Int, column: Int) -> String { base.location(row: row, column: column) }

  /// What windows that end in these rows count from.
  func bases(_ rows: some Sequence<Int>) -> TargetBases {
    let (table, slots, columns) = (base.table, base.slots, columns)
    return TargetBases(
      values: rows.flatMap { row in
        slots.indices.map { carried?[row * columns + $0] ?? table[row, slots[$0]] }
      }, width: columns)
  }
}

/// What the targets of each sample count from, in the units of the file, where they are changes.
struct TargetBases: Sendable {
  /// `[samples, targets]`; NaN where no value of the target has been observed up to the window's last row.
  let values: [Double]
  let width: Int

  subscript(sample: Int) -> [Double] { Array(values[sample * width..<(sample + 1) * width]) }
}
