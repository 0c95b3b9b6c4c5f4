/// Tables of as many rows, side by side.
struct JoinedTable: NumberTable {
  let parts: [any NumberTable]
  let columns: Int
  let rows: Int

  init(_ parts: [any NumberTable], rows: Int) {
    self.parts = parts
    self.rows = rows
    columns = parts.reduce(0) { $0 + $1.columns }
  }

  var mayBeUnknown: Bool { parts.contains { $0.mayBeUnknown } }

  func read(_ rows: Range<Int>, into block: UnsafeMutablePointer<Double>) {
    var first = 0
    for part in parts {
      let width = part.columns
      withUnsafeTemporaryAllocation(of: Double.self, capacity: max(1, rows.count * width)) { scratch in
        let numbers = scratch.baseAddress!
        part.read(rows, into: numbers)
        for row in 0..<rows.count {
          for column in 0..<width { block[row * columns + first + column] = numbers[row * width + column] }
        }
      }
      first += width
    }
  }

  func location(row: Int, column: Int) -> String {
    var column = column
    for part in parts {
      if column < part.columns { return part.location(row: row, column: column) }
      column -= part.columns
    }
    preconditionFailure("there is no column \(column)")
  }
}

/// Whether the numbers of another table are there: 1 or 0.
struct ObservedTable: NumberTable {
  let base: any NumberTable
  var rows: Int { base.rows }
  var columns: Int { base.columns }

  func read(_ rows: Range<Int>, into block: UnsafeMutablePointer<Double>) {
    base.read(rows, into: block)
    for index in 0..<rows.count * columns { block[index] = block[index].isNaN ? 0 : 1 }
  }

  func location(row: Int, column: Int) -> String { base.location(row: row, column: column) }
}
