import Diagnostics

/// Rows of numbers and names some of which are missing.
protocol GappedRows {
  var rows: Int { get }
  /// Columns of numbers.
  var width: Int { get }
  /// Columns of names.
  var nameCount: Int { get }
  /// NaN for a gap.
  subscript(row: Int, column: Int) -> Double { get set }
  func isMissing(_ row: Int, name column: Int) -> Bool
  /// Leaves all other rows out.
  mutating func keep(_ rows: [Int])
  func location(_ row: Int, number column: Int) -> String
  func location(_ row: Int, name column: Int) -> String
  /// What all rows are of, for messages.
  var path: String { get }
}

extension GappedRows {
  /// What becomes of missing values.
  /// - starts: the first row of each series, and the end of the last; nil for one series.
  /// - numbers: the columns that must have one in every row; nil for all.
  /// - names: the columns of names that must.
  /// - Returns: where series start, once rows have been left out.
  @discardableResult
  mutating func closeGaps(
    _ policy: DataSpecification.GapPolicy, starts: [Int]? = nil, numbers: [Int]? = nil, names: [Int]? = nil
  ) throws(Failure) -> [Int] {
    let starts = starts ?? [0, rows]
    let (numbers, names) = (numbers ?? Array(0..<width), names ?? Array(0..<nameCount))
    switch policy {
    case .refuse:
      if let gap = firstGap(numbers, names) {
        throw .badData(
          "\(gap): the value is missing; fill it or set data.gaps to drop, previous, linear, mean or mask")
      }
    case .drop: return try dropRows(numbers, names, starts)
    case .previous, .linear:
      try requireNames(names, policy)
      for (first, end) in zip(starts, starts.dropFirst()) {
        for column in numbers { try fill(column, first..<end, linear: policy == .linear) }
      }
    case .mean, .mask: try requireNames(names, policy)
    }
    return starts
  }

  private func firstGap(_ numbers: [Int], _ names: [Int]) -> String? {
    for row in 0..<rows {
      if let column = numbers.first(where: { self[row, $0].isNaN }) { return location(row, number: column) }
      if let column = names.first(where: { isMissing(row, name: $0) }) { return location(row, name: column) }
    }
    return nil
  }

  private func requireNames(_ names: [Int], _ policy: DataSpecification.GapPolicy) throws(Failure) {
    for column in names {
      guard let row = (0..<rows).first(where: { isMissing($0, name: column) }) else { continue }
      throw .badData(
        "\(location(row, name: column)): a text can't be filled in by data.gaps: \(policy.rawValue); use drop"
      )
    }
  }

  private mutating func dropRows(
    _ numbers: [Int], _ names: [Int], _ starts: [Int]
  ) throws(Failure) -> [Int] {
    var kept: [Int] = []
    var newStarts = [0]
    for (first, end) in zip(starts, starts.dropFirst()) {
      kept += (first..<end).filter { row in
        !numbers.contains { self[row, $0].isNaN } && !names.contains { isMissing(row, name: $0) }
      }
      newStarts.append(kept.count)
    }
    guard !kept.isEmpty || rows == 0 else {
      throw .badData("\(path): every row has an empty field; data.gaps: drop leaves none")
    }
    keep(kept)
    return newStarts
  }

  /// Fills the gaps of one column from the row before, or along a line between the rows around them.
  private mutating func fill(_ column: Int, _ rows: Range<Int>, linear: Bool) throws(Failure) {
    var row = rows.lowerBound
    while row < rows.upperBound {
      guard self[row, column].isNaN else {
        row += 1
        continue
      }
      var next = row
      while next < rows.upperBound && self[next, column].isNaN { next += 1 }
      guard row > rows.lowerBound && (next < rows.upperBound || !linear) else {
        throw unfillable(row, column, isFirst: row == rows.lowerBound, linear)
      }
      let from = self[row - 1, column]
      let step = linear ? (self[next, column] - from) / Double(next - row + 1) : 0
      for i in row..<next { self[i, column] = from + step * Double(i - row + 1) }
      row = next
    }
  }

  private func unfillable(_ row: Int, _ column: Int, isFirst: Bool, _ linear: Bool) -> Failure {
    let what = isFirst ? "no value stands before this gap" : "no value stands after this gap"
    return .badData(
      "\(location(row, number: column)): \(what), so data.gaps: \(linear ? "linear" : "previous") can't fill it; remove the rows"
    )
  }
}

extension CSVTable: GappedRows {
  var width: Int { columns.count }
  var nameCount: Int { names.count }
  var path: String { file.path }

  func isMissing(_ row: Int, name column: Int) -> Bool { names[column].codes[row] < 0 }

  func keep(_ rows: [Int]) {
    for (row, from) in rows.enumerated() {
      (numbers.values + row * width).update(from: numbers.values + from * width, count: width)
    }
    forget(allBut: rows)
  }

  /// Takes over which rows have been kept, whose numbers stand one after the other.
  func forget(allBut rows: [Int]) {
    for column in names.indices {
      names[column].codes = rows.map { [codes = names[column].codes] in codes[$0] }
    }
    records = rows.map { record($0) }
    numbers.rows = rows.count
  }

  func location(_ row: Int, number column: Int) -> String { location(row: row, fileColumn: columns[column]) }
  func location(_ row: Int, name column: Int) -> String {
    location(row: row, fileColumn: names[column].fileColumn)
  }
}
