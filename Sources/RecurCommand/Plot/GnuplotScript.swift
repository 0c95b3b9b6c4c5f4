import Diagnostics

/// A figure in gnuplot's language, the data inline. Numbers stand in data blocks, words in `quoted` strings; nothing else
/// of what is drawn is part of a command.
struct GnuplotScript {
  enum Terminal: String, CaseIterable { case svg, png }

  let figure: Figure
  let terminal: Terminal

  private static let width = 1000
  private var height: Int { figure.panels.count > 1 ? 430 * figure.panels.count : 560 }
  private func share(_ pixels: Double) -> String { String(printf: "%.4f", pixels / Double(height)) }

  var text: String {
    var lines = [terminalLine, "set encoding utf8", "set datafile missing '?'"]
    let panels = figure.panels.map(\.thinned)
    for (p, panel) in panels.enumerated() {
      for (c, curve) in panel.curves.enumerated() { lines += dataBlocks(curve, panel: p, curve: c) }
      if let matrix = panel.matrix { lines += dataBlocks(matrix, panel: p) }
    }
    let title = Self.quoted(figure.title.shown.shortened(to: Self.titleColumns))
    let left = max(90, 26 + 8 * Double(panels.map(\.labelColumns).max() ?? 0)) / Double(Self.width)
    let bottom = panels.contains { $0.matrix.map(Self.slantsNames) ?? false } ? 92.0 : 64
    lines.append(
      "set multiplot layout \(figure.panels.count),1 title \(title) font ',15' "
        + "margins \(left),0.97,\(share(bottom)),\(share(Double(height) - 60)) spacing 0,\(share(103))")
    for (p, panel) in panels.enumerated() {
      lines += panel.matrix.map { commands($0, panel, number: p) } ?? commands(panel, number: p)
    }
    lines.append("unset multiplot")
    return lines.joined(separator: "\n") + "\n"
  }

  private var terminalLine: String {
    switch terminal {
    case .svg:
      "set terminal svg size \(Self.width),\(height) dynamic font 'DejaVu Sans,13' background '#ffffff' noenhanced"
    case .png:
      "set terminal pngcairo size \(Self.width),\(height) font 'DejaVu Sans,10.5' background '#ffffff' noenhanced"
    }
  }

  private func dataBlocks(_ curve: Curve, panel p: Int, curve c: Int) -> [String] {
    let (all, lone) = (curve.points, curve.lonePoints)
    return [(Self.block(p, c), all), (Self.loneBlock(p, c), lone)].filter { !$1.isEmpty }.map {
      name, points in
      // An empty line is a gap; over what is missing, a line is drawn.
      let rows = points.map { point in
        point.isDrawn ? "\(point.x) \(point.y)" + (point.high.map { " \($0)" } ?? "") : ""
      }
      return (["\(name) << EOD"] + rows + ["EOD"]).joined(separator: "\n")
    }
  }

  private static func block(_ panel: Int, _ curve: Int) -> String { "$p\(panel)c\(curve)" }
  private static func loneBlock(_ panel: Int, _ curve: Int) -> String { "$p\(panel)c\(curve)lone" }

  private func commands(_ panel: Panel, number: Int) -> [String] {
    let (drawn, x, y) = (panel.drawnPoints, panel.xAxis, panel.yAxis)
    var lines = [
      "reset", "set border 3 lw 1 lc rgb '#404040'",
      "set tics nomirror out scale 0.6 textcolor rgb '#404040'",
      "set grid xtics ytics lt 1 lw 0.7 lc rgb '#dddddd' back", "set style line 100 lw 1 lc rgb '#909090'",
      "set xlabel \(Self.quoted(panel.xLabel.shown.shortened(to: Self.titleColumns))) offset 0,0.3",
      "set ylabel \(Self.quoted(panel.yLabel.shown.shortened(to: Self.heightColumns))) offset 0.5,0",
      panel.hasLongKey
        ? "set key inside right \(panel.rises ? "bottom" : "top") vertical opaque samplen 2.2"
        : "set key at graph 1, graph 1.02 right bottom horizontal samplen 2.2",
      "set autoscale xfix",
      "set offsets graph 0.01, graph 0.01, graph 0.05, graph \(panel.boundary == nil ? 0.05 : 0.12)",
    ]
    if panel.logarithmic {
      lines += [
        "set logscale y", "set format y '%h'", "unset offsets", "set offsets graph 0.01, graph 0.01, 0, 0",
      ]
    }
    if let top = panel.top { lines.append("set yrange [*:\(top)]") }
    lines += x.commands("x") + y.commands("y")
    if let boundary = panel.boundary { lines += mark(boundary, in: panel) }
    guard !drawn.isEmpty else { return lines + Self.nothing }
    let curves = panel.curves.enumerated().flatMap { c, curve in clauses(curve, number, c) }
    let behind = panel.diagonal ? ["x with lines ls 100 dt 2 title 'exact'"] : []
    lines.append("plot " + (behind + curves).joined(separator: ", \\\n  "))
    return lines
  }

  /// The axes alone, and why.
  private static let nothing = [
    "set label \(quoted("nothing to draw: no value is a finite number")) at graph 0.5, graph 0.5 center "
      + "textcolor rgb '#606060'",
    "plot NaN notitle",
  ]

  /// The line, and the words beside it where they have room.
  private func mark(_ boundary: Panel.Boundary, in panel: Panel) -> [String] {
    let x = boundary.x
    let all = panel.curves.flatMap { $0.points.map(\.x) }
    let width = max((all.max() ?? 1) - (all.min() ?? 0), 1e-9)
    let left = (boundary.x - (all.min() ?? 0)) / width
    func label(_ word: String, _ side: String, _ offset: String) -> String {
      "set label \(Self.quoted(word)) at first \(x), graph 0.04 \(side) offset \(offset),0 "
        + "textcolor rgb '#606060' front"
    }
    var lines = [
      "set arrow from first \(x), graph 0 to first \(x), graph 1 nohead lw 1.5 dt 2 lc rgb '#808080'"
    ]
    if left > 0.12 { lines.append(label(boundary.before + " ←", "right", "-0.7")) }
    if left < 0.80 { lines.append(label("→ " + boundary.after, "left", "0.7")) }
    return lines
  }

  private func clauses(_ curve: Curve, _ panel: Int, _ number: Int) -> [String] {
    let dashes = curve.dash > 0 ? " dt \(curve.dash + 1)" : ""
    let (color, name) = ("lc rgb '\(curve.color.rawValue)'\(dashes)", Self.quoted(curve.name))
    guard curve.points.contains(where: \.isDrawn) else {
      return ["NaN with lines lw 2.2 \(color) title \(Self.quoted(curve.name + " (no finite number)"))"]
    }
    let style =
      switch curve.style {
      case .line: "lines lw 2.2"
      case .thinLine: "lines lw 1.4"
      case .points: "points pt 7 ps 0.45"
      case .band: "filledcurves fs transparent solid 0.25 noborder"
      }
    let columns = curve.style == .band ? "1:2:3" : "1:2"
    let line = "\(Self.block(panel, number)) using \(columns) with \(style) \(color) title \(name)"
    // As a line, one point would be invisible.
    let dots = "\(Self.loneBlock(panel, number)) using 1:2 with points pt 7 ps 0.9 \(color) notitle"
    return curve.lonePoints.isEmpty ? [line] : [line, dots]
  }

  /// Columns that have room along the width, and along the height of a panel.
  private static let titleColumns = 100
  static let heightColumns = 34
}
