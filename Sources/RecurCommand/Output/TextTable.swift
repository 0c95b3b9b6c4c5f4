/// Rows of text in aligned columns: the first to the left, the others to the right where they are numbers.
struct TextTable {
  var header: [String] = []
  var rows: [[String]] = []

  var lines: [String] {
    let all = (header.isEmpty ? [] : [header]) + rows
    let columns = all.map(\.count).max() ?? 0
    let widths = (0..<columns).map { c in all.map { c < $0.count ? $0[c].count : 0 }.max() ?? 0 }
    let numeric = (0..<columns).map { c in
      c > 0 && !rows.isEmpty && rows.allSatisfy { c >= $0.count || $0[c].isNumberLike }
    }
    return all.map { row in
      var line = ""
      for (c, cell) in row.enumerated() {
        let padding = String(repeating: " ", count: widths[c] - cell.count)
        line += (c > 0 ? "  " : "") + (numeric[c] ? padding + cell : cell + padding)
      }
      while line.last == " " { line.removeLast() }
      return line
    }
  }
}

extension String {
  fileprivate var isNumberLike: Bool {
    isEmpty || self == "–" || (first!.isNumber || first == "-") && last!.isNumber || hasSuffix("%")
  }
}
