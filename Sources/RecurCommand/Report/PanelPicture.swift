import Diagnostics

/// A panel of a figure as SVG inside of a page: colours are the page's, and what it shows is also said in words.
struct PanelPicture {
  static let width = 460.0
  /// Of a letter, about.
  static let letter = 7.2

  let panel: Panel
  /// Begins the names of its elements, which no other picture of the page has.
  let id: String
  /// What it is called.
  let title: String
  /// Points of a curve, at most twice that.
  var detail = 300

  var markup: Markup {
    Markup("figure") {
      Markup("figcaption") { title.shortened(to: 160) }
      panel.matrix.map { matrix($0) } ?? curves
      panel.matrix == nil ? key : nil
    }
  }

  func picture(height: Double, _ description: String, @MarkupBuilder _ content: () -> Markup) -> Markup {
    Markup(
      "svg",
      [
        "viewBox": "0 0 \(Self.coordinate(Self.width)) \(Self.coordinate(height))", "role": "img",
        "aria-labelledby": "\(id)-title \(id)-words", "xmlns": "http://www.w3.org/2000/svg",
      ]
    ) {
      Markup("title", ["id": "\(id)-title"]) { title.shortened(to: 160) }
      Markup("desc", ["id": "\(id)-words"]) { description }
      content()
    }
  }

  /// With one decimal.
  static func coordinate(_ value: Double) -> String {
    let tenths = Int((value * 10).rounded())
    let sign = tenths < 0 ? "-" : ""
    let (whole, part) = (tenths.magnitude / 10, tenths.magnitude % 10)
    return part == 0 ? "\(sign)\(whole)" : "\(sign)\(whole).\(part)"
  }

  static func text(
    _ text: String, _ x: Double, _ y: Double, anchor: String = "start", style: String = "label"
  ) -> Markup {
    Markup("text", ["x": coordinate(x), "y": coordinate(y), "text-anchor": anchor, "class": style]) { text }
  }
}

extension PanelPicture {
  private static let height = 300.0
  private static let bottom = height - 42
  private static let right = width - 14
  private static let top = 26.0

  private var points: [Curve.Point] { panel.curves.flatMap(\.points).filter(\.isDrawn) }

  private var curves: Markup {
    guard !points.isEmpty else {
      return Markup.remark("Nothing to draw: no value is a finite number.")
    }
    let ys = points.flatMap { [$0.y, $0.high ?? $0.y] }
    let isLogarithmic = panel.logarithmic && ys.allSatisfy { $0 > 0 }
    let y = PictureScale(
      ys, isLogarithmic: isLogarithmic, margin: panel.boundary == nil ? 0.05 : 0.12, top: panel.top,
      from: Self.bottom, to: Self.top)
    let yTicks = AxisTicks(y, count: 5)
    let left = 14 + Self.letter * Double(yTicks.ticks.map(\.label.utf8.count).max() ?? 0)
    let x = PictureScale(points.map(\.x), margin: 0.01, from: left, to: Self.right)
    return picture(height: Self.height, description) {
      grid(yTicks, y, left)
      frame(AxisTicks(x, count: 5, isCounted: panel.countsX), x, left)
      panel.diagonal ? diagonal(x, y) : nil
      panel.boundary.map { boundary($0, x, left) }
      panel.curves.map { curve($0.thinned(to: detail), x, y) }
    }
  }

  private func grid(_ ticks: AxisTicks, _ y: PictureScale, _ left: Double) -> Markup {
    let lines = ticks.ticks.map {
      "M\(Self.coordinate(left)) \(Self.coordinate(y.place($0.value)))H\(Self.coordinate(Self.right))"
    }
    var markup = Markup(leaf: "path", ["class": "grid", "d": lines.joined()])
    for tick in ticks.ticks {
      markup += Self.text(tick.label, left - 6, y.place(tick.value) + 4.5, anchor: "end")
    }
    if !panel.yLabel.hasSameBytes(as: title) { markup += Self.text(panel.yLabel.shortened(to: 56), 2, 15) }
    return markup
  }

  private func frame(_ ticks: AxisTicks, _ x: PictureScale, _ left: Double) -> Markup {
    let (top, bottom) = (Self.coordinate(Self.top), Self.coordinate(Self.bottom))
    var path = "M\(Self.coordinate(left)) \(top)V\(bottom)H\(Self.coordinate(Self.right))"
    var markup = Markup()
    for tick in ticks.ticks {
      let place = x.place(tick.value)
      path += "M\(Self.coordinate(place)) \(bottom)v5"
      let half = Self.letter * Double(tick.label.utf8.count) / 2
      markup += Self.text(
        tick.label, min(max(place, half), Self.width - half), Self.bottom + 18, anchor: "middle")
    }
    markup += Markup(leaf: "path", ["class": "axis", "d": path])
    markup += Self.text(
      panel.xLabel.shortened(to: 60), (left + Self.right) / 2, Self.height - 5, anchor: "middle")
    return markup
  }

  private func diagonal(_ x: PictureScale, _ y: PictureScale) -> Markup {
    let (low, high) = (max(x.low, y.low), min(x.high, y.high))
    guard low < high else { return Markup() }
    let ends = [low, high].map { "\(Self.coordinate(x.place($0))) \(Self.coordinate(y.place($0)))" }
    return Markup(leaf: "path", ["class": "mark", "d": "M" + ends.joined(separator: "L")])
  }

  /// The line, and the words beside it where they have room.
  private func boundary(_ boundary: Panel.Boundary, _ x: PictureScale, _ left: Double) -> Markup {
    let place = x.place(boundary.x)
    let line = "M\(Self.coordinate(place)) \(Self.coordinate(Self.top))V\(Self.coordinate(Self.bottom))"
    var markup = Markup(leaf: "path", ["class": "mark", "d": line])
    let (before, after) = ("\(boundary.before) ←", "→ \(boundary.after)")
    func width(_ text: String) -> Double { Self.letter * Double(text.columns) + 8 }
    if place - left > width(before) {
      markup += Self.text(before, place - 6, Self.bottom - 8, anchor: "end")
    }
    if Self.right - place > width(after) { markup += Self.text(after, place + 6, Self.bottom - 8) }
    return markup
  }
}
