/// A picture of panels above one another, described apart from the tool that draws it.
struct Figure {
  var title: String
  var panels: [Panel]
}

struct Panel {
  /// A vertical line at x with a word for each side of it.
  struct Boundary {
    var x: Double
    var before: String
    var after: String
  }

  /// How often a class (row) was taken for which (column), or the weight of such samples.
  struct ConfusionMatrix {
    var names: [String]
    var counts: [[Double]]
  }

  var xLabel: String
  var yLabel: String
  /// Whether x counts something: epochs, rows. Nothing is between two of them.
  var countsX = false
  var logarithmic = false
  /// The upper end of the y axis; nil for that of the values.
  var top: Double?
  var curves: [Curve] = []
  var boundary: Boundary?
  /// Drawn in place of curves.
  var matrix: ConfusionMatrix?
  /// Draw y = x behind the points, for predicted against actual.
  var diagonal = false
  /// Whether the names of its curves are those of runs, many and long.
  var hasLongKey = false
}

struct Curve {
  /// A band fills what lies between `y` and `high`.
  enum PlotStyle { case line, thinLine, points, band }
  struct Point {
    let x: Double
    let y: Double
    var high: Double?
  }

  var name: String
  var style: PlotStyle = .line
  var color: Palette
  /// 0 for an unbroken line, else one of three kinds of dashes.
  var dash = 0
  /// Points with a value that is not finite leave a gap.
  var points: [Point]
}

/// Colours that stay apart for colour-blind readers (Okabe and Ito, 2008).
enum Palette: String {
  case blue = "#0072B2"
  case orange = "#D55E00"
  case green = "#009E73"
  case grey = "#707070"
  case purple = "#A8508A"
  case amber = "#9A6B00"

  /// For curves of one kind, as many as there are; after the last colour dashes tell them apart.
  static func style(_ number: Int) -> (color: Palette, dash: Int) {
    let colors: [Palette] = [.blue, .orange, .green, .purple, .amber, .grey]
    return (colors[number % colors.count], number / colors.count % 4)
  }
}

extension Curve.Point {
  init(_ x: Double, _ y: Double) { self.init(x: x, y: abs(y) < Self.least ? 0 : y) }
  /// Of a band.
  init(_ x: Double, _ low: Double, _ high: Double) {
    self.init(x, low)
    self.high = abs(high) < Self.least ? 0 : high
  }

  /// What is larger has no place in gnuplot.
  static let limit = 1e306
  /// What is smaller is zero there.
  private static let least = 1e-300

  var isDrawn: Bool { abs(x) < Self.limit && abs(y) < Self.limit && abs(high ?? 0) < Self.limit }
}

extension Curve {
  /// At most `limit` × 2 points: of each stretch the lowest and the highest, so that spikes stay visible.
  func thinned(to limit: Int = 2000) -> Curve {
    guard style != .points, points.count > 2 * limit else { return self }
    var copy = self
    let stretch = (points.count + limit - 1) / limit
    copy.points = stride(from: 0, to: points.count, by: stretch).flatMap { start in
      let part = points[start..<min(start + stretch, points.count)]
      let drawn = part.indices.filter { part[$0].isDrawn }
      guard let low = drawn.min(by: { part[$0].y < part[$1].y }),
        let high = drawn.max(by: { part[$0].y < part[$1].y })
      else { return [part[start]] }
      if style == .band {
        return [Point(part[low].x, part[low].y, drawn.compactMap { part[$0].high }.max() ?? part[low].y)]
      }
      return low == high ? [part[low]] : [part[min(low, high)], part[max(low, high)]]
    }
    return copy
  }

  /// Those of a line that stand between gaps.
  var lonePoints: [Point] {
    guard style != .points, style != .band else { return [] }
    func isDrawn(_ index: Int) -> Bool { points.indices.contains(index) && points[index].isDrawn }
    return points.indices.filter { isDrawn($0) && !isDrawn($0 - 1) && !isDrawn($0 + 1) }.map { points[$0] }
  }
}

extension Panel {
  var thinned: Panel {
    var copy = self
    copy.curves = curves.map { $0.thinned() }
    return copy
  }
}
