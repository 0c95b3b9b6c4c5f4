import Diagnostics

/// What becomes of empty fields.
extension CSVTable {
  func closeGaps(_ policy: DataSpecification.GapPolicy) throws(Failure) {
    switch policy {
    case .error:
      if let gap = firstGap() {
        let place = place(row: gap.row, fileColumn: gap.fileColumn)
        throw .badData("\(place): the field is empty; fill it or set data.gaps to drop, previous or linear")
      }
    case .drop: try dropRows()
    case .previous, .linear:
      if let row = labels.firstIndex(of: -1), let labelColumn {
        let place = place(row: row, fileColumn: labelColumn)
        throw .badData("\(place): a class label can't be filled in; use data.gaps: drop")
      }
      for column in columns.indices { try fill(column, linear: policy == .linear) }
    }
  }

  private func firstGap() -> (row: Int, fileColumn: Int)? {
    for row in 0..<rows {
      if let slot = columns.indices.first(where: { self[row, $0].isNaN }) { return (row, columns[slot]) }
      if let labelColumn, labels[row] < 0 { return (row, labelColumn) }
    }
    return nil
  }

  private func dropRows() throws(Failure) {
    let width = columns.count
    var kept: [Int] = []
    for row in 0..<rows {
      let hasGap = columns.indices.contains { self[row, $0].isNaN } || !labels.isEmpty && labels[row] < 0
      if hasGap { continue }
      (numbers.values + kept.count * width).update(from: numbers.values + row * width, count: width)
      if !labels.isEmpty { labels[kept.count] = labels[row] }
      kept.append(row)
    }
    guard !kept.isEmpty else {
      throw file.failure("every row has an empty field; data.gaps: drop leaves none")
    }
    if !labels.isEmpty { labels.removeLast(rows - kept.count) }
    numbers.rows = kept.count
    records = kept
  }

  /// Takes over which rows another process has kept in the shared numbers.
  func keep(_ kept: [Int]) {
    if !labels.isEmpty { labels = kept.map { labels[$0] } }
    numbers.rows = kept.count
    records = kept
  }

  /// Fills the gaps of one column from the row before, or along a line between the rows around them.
  private func fill(_ column: Int, linear: Bool) throws(Failure) {
    let width = columns.count
    let values = numbers.values + column
    var row = 0
    while row < rows {
      guard values[row * width].isNaN else {
        row += 1
        continue
      }
      var next = row
      while next < rows && values[next * width].isNaN { next += 1 }
      guard row > 0 && (next < rows || !linear) else { throw unfillable(row, column, linear) }
      let from = values[(row - 1) * width]
      let step = linear ? (values[next * width] - from) / Double(next - row + 1) : 0
      for i in row..<next { values[i * width] = from + step * Double(i - row + 1) }
      row = next
    }
  }

  private func unfillable(_ row: Int, _ column: Int, _ linear: Bool) -> Failure {
    let place = place(row: row, fileColumn: columns[column])
    let what = row == 0 ? "no value stands before this gap" : "no value stands behind this gap"
    return .badData(
      "\(place): \(what), so data.gaps: \(linear ? "linear" : "previous") can't fill it; remove the rows")
  }
}
