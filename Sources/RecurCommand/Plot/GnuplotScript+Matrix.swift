import Diagnostics

/// A confusion matrix: each row's shares as shades, the counts written in them.
extension GnuplotScript {
  /// More names than these have no room beside the axes, more counts none in the fields.
  private static let namesAcross = 40
  private static let namesDown = 22
  private static let countLimit = 20

  /// Long names often differ at their ends.
  static func short(_ name: String) -> String {
    let name = name.shown
    guard name.columns > 10 else { return name }
    return name.shortened(to: 6) + String(String.UnicodeScalarView(name.unicodeScalars.suffix(4)))
  }

  /// Whether the names below are too long to stand side by side.
  static func slantsNames(_ matrix: Panel.ConfusionMatrix) -> Bool {
    matrix.names.contains { short($0).columns > 60 / min(matrix.names.count, namesAcross) }
  }

  /// As many names, evenly, as have room.
  private static func tics(_ names: [String], atMost limit: Int) -> String {
    stride(from: 0, to: names.count, by: (names.count + limit - 1) / limit)
      .map { "\(quotedFormat(short(names[$0]))) \($0)" }.joined(separator: ", ")
  }

  /// Column, row, share of the row; and where there is room, column, row and count of the fields that have one.
  func dataBlocks(_ matrix: Panel.ConfusionMatrix, panel: Int) -> [String] {
    var blocks = [(Self.block(panel), Self.fields(matrix).map { "\($0.column) \($0.row) \($0.share)" })]
    for tone in Tone.allCases {
      let rows = Self.counts(matrix, tone).map { "\($0.column) \($0.row) \($0.count)" }
      blocks.append((Self.block(panel, tone), rows))
    }
    return blocks.filter { !$1.isEmpty }.map { (["\($0) << EOD"] + $1 + ["EOD"]).joined(separator: "\n") }
  }

  private struct MatrixField {
    var column: Int
    var row: Int
    var count: Double
    var share: Double
  }

  private static func fields(_ matrix: Panel.ConfusionMatrix) -> [MatrixField] {
    matrix.counts.enumerated().flatMap { y, row in
      let sum = row.reduce(0, +)
      return row.enumerated().map { x, count in
        MatrixField(column: x, row: y, count: count, share: sum > 0 ? count / sum : 0)
      }
    }
  }

  /// The colour that a count is written in.
  private enum Tone: String, CaseIterable {
    case dark = "#404040"
    case light = "#ffffff"
  }

  /// White on dark fields, grey on light ones; zeros are left to the shade.
  private static func counts(_ matrix: Panel.ConfusionMatrix, _ tone: Tone) -> [MatrixField] {
    guard matrix.counts.count <= countLimit else { return [] }
    return fields(matrix).filter { $0.count > 0 && ($0.share > 0.55) == (tone == .light) }
  }

  private static func block(_ panel: Int, _ tone: Tone? = nil) -> String {
    "$p\(panel)" + (tone.map { "\($0)" } ?? "m")
  }

  func commands(_ matrix: Panel.ConfusionMatrix, _ panel: Panel, number: Int) -> [String] {
    let last = Double(matrix.counts.count) - 0.5
    let lines = [
      "reset", "set border 3 lw 1 lc rgb '#404040'", "unset key", "unset colorbox",
      "set tics nomirror out scale 0 textcolor rgb '#404040'",
      "set xlabel \(Self.quoted(panel.xLabel)) offset 0,0.3",
      // Names of any length stand between the label and the axis.
      "set label \(Self.quoted(panel.yLabel)) at screen 0.012, graph 0.5 center rotate",
      "set xrange [-0.5:\(last)]", "set yrange [\(last):-0.5]", "set cbrange [0:1]",
      "set palette defined (0 '#ffffff', 1 '\(Palette.blue.rawValue)')",
      "set xtics (\(Self.tics(matrix.names, atMost: Self.namesAcross)))\(Self.slantsNames(matrix) ? " rotate by -35" : "")",
      "set ytics (\(Self.tics(matrix.names, atMost: Self.namesDown)))",
    ]
    var clauses = [shades(Self.block(number), matrix.counts.count)]
    // gnuplot ends with a fault where there is no label to draw.
    for tone in Tone.allCases where !Self.counts(matrix, tone).isEmpty {
      clauses.append(
        "\(Self.block(number, tone)) using 1:2:(sprintf('%.6g', $3)) with labels textcolor rgb '\(tone.rawValue)'"
      )
    }
    return lines + ["plot " + clauses.joined(separator: ", \\\n  ")]
  }

  /// One field is no image to gnuplot.
  private func shades(_ data: String, _ classes: Int) -> String {
    classes > 1
      ? "\(data) using 1:2:3 with image pixels"
      : "\(data) using 1:2:(0.5):(0.5):3 with boxxyerror fillstyle solid noborder lc palette"
  }
}
