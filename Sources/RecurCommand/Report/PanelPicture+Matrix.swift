import Diagnostics

/// A confusion matrix: shares of each row as shades, counts where they have room.
extension PanelPicture {
  private static let mostNames = 24
  private static let mostCounts = 12
  /// Fields of one shade are one path.
  private static let shades = 12

  func matrix(_ matrix: Panel.ConfusionMatrix) -> Markup {
    let names = matrix.names.map { $0.shown.shortened(to: 14) }
    let count = matrix.counts.count
    let room = 20 + Self.letter * Double(names.map(\.columns).max() ?? 0)
    let side = Self.width - room - 8
    let (top, field) = (22.0, side / Double(max(1, count)))
    return picture(height: top + side + room * 0.75 + 30, words(matrix)) {
      Self.text(panel.yLabel.shortened(to: 56), 2, 14)
      fields(matrix, left: room, top: top, field)
      labels(names, left: room, top: top, field)
      count <= Self.mostCounts ? counts(matrix, left: room, top: top, field) : nil
      Self.text(
        panel.xLabel.shortened(to: 60), Self.width / 2, top + side + room * 0.75 + 24, anchor: "middle")
    }
  }

  private func fields(_ matrix: Panel.ConfusionMatrix, left: Double, top: Double, _ field: Double) -> Markup {
    var paths = [String](repeating: "", count: Self.shades + 1)
    let size = Self.coordinate(field + 0.1)
    for cell in drawn(matrix) {
      let x = Self.coordinate(left + Double(cell.column) * field)
      let y = Self.coordinate(top + Double(cell.row) * field)
      let shade = max(1, Int((cell.share * Double(Self.shades)).rounded()))
      paths[shade] += "M\(x) \(y)h\(size)v\(size)h-\(size)z"
    }
    var markup = Markup()
    for (shade, path) in paths.enumerated() where !path.isEmpty {
      let share = Double(shade) / Double(Self.shades)
      markup += Markup(
        leaf: "path", ["class": "shade", "fill-opacity": String(printf: "%.2f", share), "d": path])
    }
    let side = Self.coordinate(field * Double(matrix.counts.count))
    let frame = "M\(Self.coordinate(left)) \(Self.coordinate(top))h\(side)v\(side)h-\(side)z"
    markup += Markup(leaf: "path", ["class": "axis", "d": frame])
    return markup
  }

  private struct Tile {
    var row: Int
    var column: Int
    var share: Double
  }

  /// The fields that have a count; of very many those with the largest shares of their rows.
  private func drawn(_ matrix: Panel.ConfusionMatrix) -> ArraySlice<Tile> {
    var cells: [Tile] = []
    for (row, counts) in matrix.counts.enumerated() {
      let sum = counts.reduce(0, +)
      for (column, count) in counts.enumerated() where count > 0 && sum > 0 {
        cells.append(Tile(row: row, column: column, share: count / sum))
      }
    }
    let most = 20 * detail
    return cells.count > most ? cells.sorted { $0.share > $1.share }.prefix(most) : cells[...]
  }

  private func labels(_ names: [String], left: Double, top: Double, _ field: Double) -> Markup {
    var markup = Markup()
    let every = (names.count + Self.mostNames - 1) / max(1, Self.mostNames)
    let below = top + field * Double(names.count) + 14
    for index in stride(from: 0, to: names.count, by: max(1, every)) {
      let middle = (Double(index) + 0.5) * field
      markup += Self.text(names[index], left - 6, top + middle + 4.5, anchor: "end")
      let (x, y) = (Self.coordinate(left + middle + 4), Self.coordinate(below))
      markup += Markup(
        "text", ["transform": "translate(\(x) \(y)) rotate(-45)", "text-anchor": "end", "class": "label"]
      ) { names[index] }
    }
    return markup
  }

  private func counts(_ matrix: Panel.ConfusionMatrix, left: Double, top: Double, _ field: Double) -> Markup {
    var markup = Markup()
    for (row, counts) in matrix.counts.enumerated() {
      let sum = counts.reduce(0, +)
      for (column, count) in counts.enumerated() where count > 0 {
        markup += Self.text(
          String(printf: "%.5g", count), left + (Double(column) + 0.5) * field,
          top + (Double(row) + 0.5) * field + 4.5, anchor: "middle",
          style: count / sum > 0.55 ? "count strong" : "count")
      }
    }
    return markup
  }

  private func words(_ matrix: Panel.ConfusionMatrix) -> String {
    let all = matrix.counts.joined().reduce(0, +)
    let right = matrix.counts.indices.reduce(0.0) { $0 + matrix.counts[$1][$1] }
    var mistakes: [(count: Double, row: Int, column: Int)] = []
    for (row, counts) in matrix.counts.enumerated() {
      for (column, count) in counts.enumerated() where row != column && count > 0 {
        mistakes.append((count, row, column))
      }
    }
    mistakes.sort { $0.count > $1.count }
    func name(_ index: Int) -> String { matrix.names[index].shown.shortened(to: 40) }
    let worst = mistakes.prefix(3).map {
      "\(name($0.row)) taken for \(name($0.column)) \(Formatting.count($0.count)) times"
    }
    return
      "\(matrix.counts.count) classes; \(Formatting.count(right)) of \(Formatting.count(all)) are right. "
      + (worst.isEmpty ? "Nothing was confused." : "Most often: \(worst.joined(separator: ", ")).")
  }
}
