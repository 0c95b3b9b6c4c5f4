#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif
/// Where an axis begins and ends, and how its numbers are written, in the cases that gnuplot alone makes no good picture of.
struct PanelAxis {
  /// nil where gnuplot finds a range by itself.
  private(set) var range: ClosedRange<Double>?
  private(set) var format: String?
  /// The distance of its tics; nil for gnuplot's.
  private(set) var step: Int?

  /// - counts: whether nothing lies between two whole numbers.
  /// - isEmpty: whether there is nothing to draw, and so nothing for gnuplot to go by.
  init(_ values: [Double], counts: Bool = false, isEmpty: Bool = false) {
    guard let low = values.min(), let high = values.max() else {
      range = 0...1
      return
    }
    let (span, largest) = (high - low, max(abs(low), abs(high)))
    if isEmpty { range = low...high }
    if counts {
      format = "%.0f"
      if span < 10 { step = 1 }
      if span == 0 { range = low - 0.5...high + 0.5 }
    } else if span <= largest * 1e-13 {
      // All the same: in the middle. Near zero a tenth of it is nothing.
      let margin = largest < 1e-290 ? 1 : largest / 10
      range = low - margin...high + margin
    } else if span < largest * 1e-4 {
      // As many digits as tell neighbouring tics apart.
      let digits = min(15, 3 - Int(log10(span / largest)))
      (format, columns) = ("%.\(digits)g", digits + 4)
    }
    if columns == 0, largest >= 1e6 || largest < 1e-4 && largest > 0 {
      columns = 1e-99..<1e99 ~= largest ? 9 : 11
    }
  }

  /// Columns that the longest number beside it may take, where it is not one of the usual few.
  private(set) var columns = 0

  /// - name: x or y.
  func commands(_ name: String) -> [String] {
    [
      range.map { "set \(name)range [\($0.lowerBound):\($0.upperBound)]" },
      format.map { "set format \(name) '\($0)'" }, step.map { "set \(name)tics \($0)" },
    ].compactMap { $0 }
  }
}

extension Panel {
  var drawnPoints: [Curve.Point] { curves.flatMap(\.points).filter(\.isDrawn) }

  var xAxis: PanelAxis {
    let drawn = drawnPoints
    let points = drawn.isEmpty ? curves.flatMap(\.points).filter { abs($0.x) < Curve.Point.limit } : drawn
    return PanelAxis(points.map(\.x), counts: countsX, isEmpty: drawn.isEmpty)
  }
  var yAxis: PanelAxis { PanelAxis(drawnPoints.flatMap { [$0.y, $0.high ?? $0.y] }) }

  /// What stands beside the y axis, in columns of text.
  var labelColumns: Int {
    guard let matrix else { return yAxis.columns }
    return 2 + (matrix.names.map { GnuplotScript.short($0).columns }.max() ?? 0)
  }
}

extension Panel {
  /// Whether its curves end higher than they began: then there is room for words below them.
  var rises: Bool {
    let ends = curves.compactMap { curve -> Double? in
      let drawn = curve.points.filter(\.isDrawn)
      guard let first = drawn.first, let last = drawn.last else { return nil }
      return last.y - first.y
    }
    return ends.reduce(0, +) > 0
  }
}
