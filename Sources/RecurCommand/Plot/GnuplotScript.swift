import Foundation

/// A figure in gnuplot's language, the data inline.
struct GnuplotScript {
  enum Terminal: String, CaseIterable { case svg, png }

  let figure: Figure
  let terminal: Terminal

  private static let width = 1000
  private var height: Int { figure.panels.count > 1 ? 430 * figure.panels.count : 560 }
  private func share(_ pixels: Double) -> String { String(format: "%.4f", pixels / Double(height)) }

  var text: String {
    var lines = [terminalLine, "set encoding utf8", "set datafile missing '?'"]
    for (p, panel) in figure.panels.enumerated() {
      for (c, curve) in panel.curves.enumerated() { lines.append(dataBlock("$p\(p)c\(c)", curve.thinned())) }
      if let matrix = panel.matrix { lines.append(dataBlock("$p\(p)m", matrix)) }
    }
    let title = quoted(figure.title)
    lines.append(
      "set multiplot layout \(figure.panels.count),1 title \(title) font ',15' noenhanced "
        + "margins 0.09,0.97,\(share(64)),\(share(Double(height) - 60)) spacing 0,\(share(103))")
    for (p, panel) in figure.panels.enumerated() {
      lines += panel.matrix.map { commands($0, panel, number: p) } ?? commands(panel, number: p)
    }
    lines.append("unset multiplot")
    return lines.joined(separator: "\n") + "\n"
  }

  private var terminalLine: String {
    switch terminal {
    case .svg:
      "set terminal svg size \(Self.width),\(height) dynamic font 'DejaVu Sans,13' background '#ffffff'"
    case .png:
      "set terminal pngcairo size \(Self.width),\(height) font 'DejaVu Sans,10.5' background '#ffffff'"
    }
  }

  private func dataBlock(_ name: String, _ curve: Curve) -> String {
    let isEmpty = !curve.points.contains { $0.y.isFinite }
    // An empty line is a gap; over what is missing, a line is drawn.
    let rows = curve.points.map { $0.y.isFinite ? "\(Self.number($0.x)) \(Self.number($0.y))" : "" }
    return (["\(name) << EOD"] + (isEmpty ? ["? ?"] : rows) + ["EOD"]).joined(separator: "\n")
  }

  private func commands(_ panel: Panel, number: Int) -> [String] {
    var lines = [
      "reset", "set border 3 lw 1 lc rgb '#404040'",
      "set tics nomirror out scale 0.6 textcolor rgb '#404040'",
      "set grid xtics ytics lt 1 lw 0.7 lc rgb '#dddddd' back", "set style line 100 lw 1 lc rgb '#909090'",
      "set xlabel \(quoted(panel.xLabel)) noenhanced offset 0,0.3",
      "set ylabel \(quoted(panel.yLabel)) noenhanced offset 0.5,0",
      "set key at graph 1, graph 1.02 right bottom horizontal samplen 2.2 noenhanced",
      "set autoscale xfix",
      "set offsets graph 0.01, graph 0.01, graph 0.05, graph \(panel.boundary == nil ? 0.05 : 0.12)",
    ]
    if panel.logarithmic {
      lines += [
        "set logscale y", "set format y '%h'", "unset offsets", "set offsets graph 0.01, graph 0.01, 0, 0",
      ]
    }
    if let top = panel.top { lines.append("set yrange [*:\(Self.number(top))]") }
    if let boundary = panel.boundary { lines += mark(boundary, in: panel) }
    let curves = panel.curves.enumerated().map { c, curve in plotClause("$p\(number)c\(c)", curve) }
    let behind = panel.diagonal ? ["x with lines ls 100 dt 2 title 'exact'"] : []
    lines.append("plot " + (behind + curves).joined(separator: ", \\\n  "))
    return lines
  }

  /// The line, and the words beside it where they have room.
  private func mark(_ boundary: Panel.Boundary, in panel: Panel) -> [String] {
    let x = Self.number(boundary.x)
    let all = panel.curves.flatMap { $0.points.map(\.x) }
    let width = max((all.max() ?? 1) - (all.min() ?? 0), 1e-9)
    let left = (boundary.x - (all.min() ?? 0)) / width
    func label(_ word: String, _ side: String, _ offset: String) -> String {
      "set label \(quoted(word)) at first \(x), graph 0.04 \(side) offset \(offset),0 noenhanced "
        + "textcolor rgb '#606060' front"
    }
    var lines = [
      "set arrow from first \(x), graph 0 to first \(x), graph 1 nohead lw 1.5 dt 2 lc rgb '#808080'"
    ]
    if left > 0.12 { lines.append(label(boundary.before + " ←", "right", "-0.7")) }
    if left < 0.80 { lines.append(label("→ " + boundary.after, "left", "0.7")) }
    return lines
  }

  private func plotClause(_ data: String, _ curve: Curve) -> String {
    let color = "lc rgb '\(curve.color.rawValue)'"
    let style =
      switch curve.style {
      // As a line, one point would be invisible.
      case _ where curve.points.count == 1: "points pt 7 ps 0.9 \(color)"
      case .line: "lines lw 2.2 \(color)"
      case .thinLine: "lines lw 1.4 \(color)"
      case .points: "points pt 7 ps 0.45 \(color)"
      }
    return "\(data) using 1:2 with \(style) title \(quoted(curve.name))"
  }

  static func number(_ value: Double) -> String { value.isFinite ? "\(value)" : "?" }

  /// A gnuplot string that means just these characters.
  func quoted(_ text: String) -> String {
    let line = text.map { $0.isNewline ? " " : String($0) }.joined()
    return "'" + line.replacingOccurrences(of: "'", with: "''") + "'"
  }
}
