import Diagnostics

/// Rows of text in aligned columns: the first to the left, the others to the right where they are numbers. A cell is shown on
/// one line, whatever it holds.
struct TextTable {
  var header: [String] = []
  var rows: [[String]] = []

  var lines: [String] {
    let all = ((header.isEmpty ? [] : [header]) + rows).map { $0.map(\.shown) }
    let columns = all.map(\.count).max() ?? 0
    let widths = (0..<columns).map { c in all.map { c < $0.count ? $0[c].columns : 0 }.max() ?? 0 }
    let numeric = (0..<columns).map { c in
      c > 0 && !rows.isEmpty && rows.allSatisfy { c >= $0.count || $0[c].isNumberLike }
    }
    return all.map { row in
      var line = ""
      for (c, cell) in row.enumerated() {
        let padding = String(repeating: " ", count: widths[c] - cell.columns)
        line += (c > 0 ? "  " : "") + (numeric[c] ? padding + cell : cell + padding)
      }
      return line.withoutBlanksAtEnd
    }
  }
}

extension String {
  var isNumberLike: Bool {
    guard let first = utf8.first, let last = utf8.last else { return true }
    func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
    return self == "–" || (isDigit(first) || first == UInt8(ascii: "-")) && isDigit(last)
      || last == UInt8(ascii: "%")
  }

  fileprivate var withoutBlanksAtEnd: String {
    guard let last = utf8.lastIndex(where: { $0 != UInt8(ascii: " ") }) else { return "" }
    return String(self[...last])
  }
}
