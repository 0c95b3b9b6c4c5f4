/// A confusion matrix: each row's shares as shades, the counts written in them.
extension GnuplotScript {
  /// More names than this have no room beside the axes, more counts none in the fields.
  private static let nameLimit = 40
  private static let countLimit = 20

  private static func short(_ name: String) -> String {
    name.count > 10 ? name.prefix(9) + "…" : name
  }

  /// Column, row, share of the row, count.
  func dataBlock(_ name: String, _ matrix: Panel.Matrix) -> String {
    let rows = matrix.counts.enumerated().flatMap { y, row in
      let sum = Double(max(row.reduce(0, +), 1))
      return row.enumerated().map { x, count in "\(x) \(y) \(Double(count) / sum) \(count)" }
    }
    return (["\(name) << EOD"] + rows + ["EOD"]).joined(separator: "\n")
  }

  func commands(_ matrix: Panel.Matrix, _ panel: Panel, number: Int) -> [String] {
    let (data, last) = ("$p\(number)m", Double(matrix.counts.count) - 0.5)
    var lines = [
      "reset", "set border 3 lw 1 lc rgb '#404040'", "unset key", "unset colorbox",
      "set tics nomirror out scale 0 textcolor rgb '#404040'",
      "set xlabel \(quoted(panel.xLabel)) noenhanced offset 0,0.3",
      // Names of any length stand between the label and the axis.
      "set label \(quoted(panel.yLabel)) at screen 0.012, graph 0.5 center rotate noenhanced",
      "set xrange [-0.5:\(last)]", "set yrange [\(last):-0.5]", "set cbrange [0:1]",
      "set palette defined (0 '#ffffff', 1 '\(Palette.blue.rawValue)')",
    ]
    if matrix.names.count <= Self.nameLimit {
      let tics = matrix.names.enumerated().map { "\(quoted(Self.short($1))) \($0)" }.joined(separator: ", ")
      let isLong = matrix.names.contains { $0.count > 60 / matrix.names.count }
      lines += [
        "set xtics (\(tics)) noenhanced\(isLong ? " rotate by -35" : "")", "set ytics (\(tics)) noenhanced",
      ]
    }
    var clauses = ["\(data) using 1:2:3 with image pixels"]
    if matrix.counts.count <= Self.countLimit {
      // White on dark fields, grey on light ones; zeros are left to the shade.
      for (condition, color) in [("$3 > 0.55", "#ffffff"), ("$3 <= 0.55 && $4 > 0", "#404040")] {
        clauses.append(
          "\(data) using 1:(\(condition) ? $2 : NaN):(sprintf('%d', $4)) with labels textcolor rgb '\(color)'"
        )
      }
    }
    return lines + ["plot " + clauses.joined(separator: ", \\\n  ")]
  }
}
