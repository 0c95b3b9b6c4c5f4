import Diagnostics

/// What becomes of values that are missing, series by series.
extension TSFile: GappedRows {
  mutating func closeGaps(in policy: DataSpecification.GapPolicy) throws(Failure) {
    guard hasGaps else { return }
    starts = try closeGaps(policy, starts: starts)
    if let empty = (0..<samples).first(where: { starts[$0] == starts[$0 + 1] }) {
      throw .badData(
        "\(file.location(line: lines[empty])): data.gaps: drop leaves nothing of the series; remove it")
    }
  }

  package var hasGaps: Bool { values.contains(where: \.isNaN) }
  var rows: Int { values.count / max(1, dimensions) }
  var width: Int { dimensions }
  var nameCount: Int { 0 }
  var path: String { file.path }

  subscript(row: Int, column: Int) -> Double {
    get { values[row * dimensions + column] }
    set { values[row * dimensions + column] = newValue }
  }
  func isMissing(_ row: Int, name column: Int) -> Bool { false }

  mutating func keep(_ rows: [Int]) {
    values = rows.flatMap { values[$0 * dimensions..<($0 + 1) * dimensions] }
  }

  func location(_ row: Int, number column: Int) -> String { location(row: row, column: column) }
  func location(_ row: Int, name column: Int) -> String { path }
}
