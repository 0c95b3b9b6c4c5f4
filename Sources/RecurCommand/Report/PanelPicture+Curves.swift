import Diagnostics

extension PanelPicture {
  func curve(_ curve: Curve, _ x: PictureScale, _ y: PictureScale) -> Markup {
    let style = "\(curve.style) \(curve.color) dash\(curve.dash)"
    func place(_ point: Curve.Point, _ value: Double) -> String {
      "\(Self.coordinate(x.place(point.x))) \(Self.coordinate(y.place(value)))"
    }
    func dots(_ points: [Curve.Point], _ style: String) -> Markup {
      // A line of no length with a round cap. What falls on the same place is drawn once.
      var seen: Set<Name> = []
      let places = points.map { place($0, $0.y) }.filter { seen.insert(Name($0)).inserted }
      guard !places.isEmpty else { return Markup() }
      return Markup(leaf: "path", ["class": style, "d": places.map { "M\($0)h0" }.joined()])
    }
    let stretches = curve.stretches
    switch curve.style {
    case .points: return dots(thinned(curve.points.filter(\.isDrawn), x, y), style)
    case .band:
      let areas = stretches.map { stretch in
        let edge =
          stretch.map { place($0, $0.y) } + stretch.reversed().map { place($0, $0.high ?? $0.y) }
        return "M" + edge.joined(separator: "L") + "Z"
      }
      return Markup(leaf: "path", ["class": style, "d": areas.joined()])
    case .line, .thinLine:
      let lines = stretches.filter { $0.count > 1 }.map { stretch in
        "M" + stretch.map { place($0, $0.y) }.joined(separator: "L")
      }
      var markup = Markup(leaf: "path", ["class": style, "d": lines.joined()])
      markup += dots(curve.lonePoints, "lone \(curve.color)")
      return markup
    }
  }

  /// Of points that fall on the same three by three units of the picture the first, so that those far from others stay.
  private func thinned(_ points: [Curve.Point], _ x: PictureScale, _ y: PictureScale) -> [Curve.Point] {
    guard points.count > 2 * detail else { return points }
    var seen: Set<SIMD2<Int>> = []
    return points.filter { seen.insert([Int(x.place($0.x) / 3), Int(y.place($0.y) / 3)]).inserted }
  }

  /// Which colour is what, where there is more than one.
  var key: Markup {
    guard panel.curves.count > 1 || panel.diagonal else { return Markup() }
    return Markup("ul", ["class": "key"]) {
      panel.curves.map { curve in
        Markup("li") {
          swatch("\(curve.style) \(curve.color) dash\(curve.dash)", curve.style)
          curve.name + (curve.points.contains(where: \.isDrawn) ? "" : " (no finite number)")
        }
      }
      panel.diagonal
        ? Markup("li") {
          swatch("mark", .line)
          "exact"
        } : nil
    }
  }

  private func swatch(_ style: String, _ kind: Curve.PlotStyle) -> Markup {
    let path =
      switch kind {
      case .line, .thinLine: "M0 5H20"
      case .points: "M4 5h0M10 5h0M16 5h0"
      case .band: "M0 1H20V9H0Z"
      }
    return Markup(
      "svg", ["viewBox": "0 0 20 10", "aria-hidden": "true", "xmlns": "http://www.w3.org/2000/svg"]
    ) { Markup(leaf: "path", ["class": style, "d": path]) }
  }

  /// The curves for who does not see them.
  var description: String {
    let words = panel.curves.map { curve in
      let drawn = curve.points.filter(\.isDrawn)
      guard let first = drawn.first, let last = drawn.last, let least = drawn.map(\.y).min(),
        let most = drawn.map({ $0.high ?? $0.y }).max()
      else { return "\(curve.name): no finite number" }
      let range = "from \(Formatting.short(least)) to \(Formatting.short(most))"
      switch curve.style {
      case .points: return "\(curve.name): \(drawn.count) points, \(range)"
      case .band: return "\(curve.name): a band \(range)"
      case .line, .thinLine:
        return "\(curve.name): \(drawn.count) values \(range), the first \(Formatting.short(first.y)) at "
          + "\(Formatting.short(first.x)), the last \(Formatting.short(last.y)) at \(Formatting.short(last.x))"
      }
    }
    return "\(panel.yLabel) over \(panel.xLabel). " + words.joined(separator: "; ") + "."
  }
}

extension Curve {
  /// Its points between gaps.
  fileprivate var stretches: [[Point]] {
    points.split { !$0.isDrawn }.map(Array.init)
  }
}
