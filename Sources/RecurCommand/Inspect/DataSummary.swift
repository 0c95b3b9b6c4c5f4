import Batches
import Recur

/// Data as a network gets them.
struct DataSummary: Encodable {
  struct PartSummary: Encodable {
    let name: String
    let samples: Int
    /// Of the file, from 0, those of the first and the last target; nil where samples are no rows.
    let rows: [Int]?
    let times: [String]?
  }
  /// How a column was scaled.
  struct Scale: Encodable {
    let column: String
    let offset: Double
    let scale: Double
  }

  let steps: Int
  let features: [String]
  let targets: [String]
  let classes: [String]
  let tokens: Int?
  let categories: [Int]
  let parts: [PartSummary]
  let unused: Int
  /// In words; nil where nothing is scaled.
  let formula: String?
  let scales: [Scale]
  /// The first steps of the first sample: what is read, by column; tokens and categories by name or number.
  let head: [[String]]
  /// What belongs to that sample, or to its first step.
  let target: [String]

  private static let mostSteps = 8

  init(_ data: LoadedData, _ recipe: Recipe) {
    let shape = data.shape
    steps = shape.steps
    (features, targets, classes) = (data.featureNames, data.targetNames, data.classNames)
    (tokens, categories, unused) = (shape.vocabulary, shape.categories, data.unused)
    parts = Self.parts(data)
    formula = data.scaler.map {
      ($0.method == .minmax ? "scaled = x · scale + offset" : "scaled = (x - offset) / scale")
        + ($0.series == nil ? "" : "; over all series, each of which has its own")
        + ($0.series == nil || recipe.data.statics.isEmpty ? "" : " but for static columns")
    }
    scales = data.scaler.map { Self.scales($0, data) } ?? []
    (head, target) = Self.head(data, recipe)
  }

  private static func parts(_ data: LoadedData) -> [PartSummary] {
    var first = 0
    return [("training", data.train), ("validation", data.validation), ("test", data.test)].compactMap {
      name, set in
      guard let set, set.count > 0 else { return nil }
      let ends = [first, first + set.count - 1]
      first += set.count
      let times = data.places.flatMap { places in
        places.hasTimes ? ends.map { places.time(of: $0) ?? "" } : nil
      }
      return PartSummary(
        name: name, samples: set.count, rows: data.rows.map { rows in ends.map { rows[$0] } }, times: times)
    }
  }

  private static func scales(_ scaler: Scaler, _ data: LoadedData) -> [Scale] {
    let names = data.featureNames + data.targetNames.map { "\($0) (target)" }
    let columns =
      scaler.features
      + [Scaler.ColumnScale](
        repeating: Scaler.ColumnScale(offset: 0, scale: 1),
        count: max(0, data.featureNames.count - scaler.features.count))
    return zip(names, columns + scaler.targets).map { Scale(column: $0, offset: $1.offset, scale: $1.scale) }
  }

  private static func head(_ data: LoadedData, _ recipe: Recipe) -> (head: [[String]], target: [String]) {
    guard let set = data.train ?? data.validation ?? data.test else { return ([], []) }
    let batch = set.batch([0])
    let (width, columns) = (set.shape.features, set.shape.categories.count)
    // Of pairs the targets are read, after one another.
    let words = data.vocabulary.isEmpty || set.pairs != nil ? data.classNames : data.vocabulary
    let head = (0..<min(mostSteps, batch.rows.steps)).map { step in
      let row = batch.rows.start(step)
      if let tokens = batch.tokens {
        let token = Int(tokens[row])
        return [token < words.count ? words[token] : "\(token)"]
      }
      let numbers = (0..<width).map { Formatting.short(Double(batch.inputs[row * width + $0])) }
      let codes = (0..<columns).map { column -> String in
        let code = Int(batch.categories![row * columns + column])
        return code == 0 ? "<unseen>" : data.categoryNames[column][code - 1]
      }
      return numbers + codes
    }
    guard batch.targetRows > 0 else { return (head, []) }
    guard set.shape.targetWidth == 0 else {
      return (head, (0..<set.shape.targetWidth).map { Formatting.short(Double(batch.values[$0])) })
    }
    let number = Int(batch.classes[0])
    return (head, [data.classNames.indices.contains(number) ? data.classNames[number] : "\(number)"])
  }
}

extension DataSummary {
  private static let mostColumns = 12

  var lines: [String] {
    var lines = ["data: \(what)", ""]
    lines += partsTable.lines
    if unused > 0 { lines.append("\(Formatting.grouped(unused)) in no part") }
    if let formula {
      lines += ["", formula]
      lines += scalesTable.lines
      if scales.count > 2 * Self.mostColumns {
        lines.append("and \(scales.count - 2 * Self.mostColumns) more")
      }
    }
    return lines + [""] + headLines
  }

  var partsTable: TextTable {
    let rows = parts.map { part in
      [
        part.name, Formatting.grouped(part.samples),
        part.rows.map { "rows \($0[0]) to \($0[1])" } ?? "", part.times.map { "\($0[0]) to \($0[1])" } ?? "",
      ]
    }
    return TextTable(header: ["part", "samples", "targets", "times"], rows: rows)
  }

  /// Of the first columns.
  var scalesTable: TextTable {
    TextTable(
      header: ["column", "offset", "scale"],
      rows: scales.prefix(2 * Self.mostColumns).map {
        [$0.column, Formatting.precise($0.offset), Formatting.precise($0.scale)]
      })
  }

  var what: String {
    let kinds =
      tokens.map { ["tokens of \(Formatting.grouped($0))"] }
      ?? (features.isEmpty ? [] : [Self.counted(features.count, "number")])
      + (categories.isEmpty ? [] : [Self.counted(categories.count, "category", "categories")])
    let goal =
      classes.isEmpty
      ? Self.counted(targets.count, "number") : "one of \(Formatting.grouped(classes.count)) classes"
    return "up to \(steps) steps of \(kinds.joined(separator: " and ")), to predict \(goal)"
  }

  private static func counted(_ count: Int, _ one: String, _ many: String? = nil) -> String {
    "\(count) \(count == 1 ? one : many ?? one + "s")"
  }

  private var headLines: [String] {
    let names = tokens == nil ? features + categories.indices.map { "category \($0)" } : ["token"]
    let shown = min(names.count, Self.mostColumns)
    let more = names.count > shown ? ["…"] : []
    let table = TextTable(
      header: ["step"] + names.prefix(shown) + more,
      rows: head.enumerated().map { step, cells in ["\(step)"] + cells.prefix(shown) + more })
    return ["the first sample, as it is read:"] + table.lines
      + ["its target: \(target.prefix(shown).joined(separator: ", "))\(target.count > shown ? ", …" : "")"]
  }
}
