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

  /// How often a class (row) was taken for which (column).
  struct Matrix {
    var names: [String]
    var counts: [[Int]]
  }

  var xLabel: String
  var yLabel: String
  var logarithmic = false
  /// The upper end of the y axis; nil for that of the values.
  var top: Double?
  var curves: [Curve] = []
  var boundary: Boundary?
  /// Drawn in place of curves.
  var matrix: Matrix?
  /// Draw y = x behind the points, for predicted against actual.
  var diagonal = false
}

struct Curve {
  enum Style { case line, thinLine, points }
  var name: String
  var style: Style = .line
  var color: Palette
  /// Points with a value that is not finite leave a gap.
  var points: [(x: Double, y: Double)]
}

/// Colours that stay apart for colour-blind readers (Okabe and Ito, 2008).
enum Palette: String {
  case blue = "#0072B2"
  case orange = "#D55E00"
  case green = "#009E73"
  case grey = "#707070"
}

extension Curve {
  /// At most `limit` × 2 points: of each stretch the lowest and the highest, so that spikes stay visible.
  func thinned(to limit: Int = 2000) -> Curve {
    guard style != .points, points.count > 2 * limit else { return self }
    var copy = self
    let stretch = (points.count + limit - 1) / limit
    copy.points = stride(from: 0, to: points.count, by: stretch).flatMap { start in
      let part = points[start..<min(start + stretch, points.count)]
      let low = part.indices.min { part[$0].y < part[$1].y }!
      let high = part.indices.max { part[$0].y < part[$1].y }!
      return low == high ? [part[low]] : [part[min(low, high)], part[max(low, high)]]
    }
    return copy
  }
}
