import Recur

/// Classes, confusions and targets as tables for a person.
struct DetailTables {
  /// More columns than this have no room in a terminal.
  private static let columnLimit = 20
  /// Rows shown of a long table; JSON has all.
  private static let rowLimit = 40

  let details: EvaluationDetails

  var lines: [String] {
    var tables: [[String]] = []
    if let classes = details.classes { tables.append(table(classes)) }
    if let confusion = details.confusion, confusion.count <= Self.columnLimit {
      tables.append(table(confusion, names: details.classes?.map(\.name) ?? []))
    }
    if let top = details.topAccuracy, !top.isEmpty { tables.append(table(top)) }
    if let targets = details.targets, targets.count > 1 { tables.append(table(targets)) }
    return tables.flatMap { [""] + $0 }
  }

  private func table(_ classes: [EvaluationDetails.ClassScore]) -> [String] {
    shortened(
      TextTable(
        header: ["class", "precision", "recall", "F1", "samples"],
        rows: classes.map {
          [
            $0.name, Formatting.fixed($0.precision, 4), Formatting.fixed($0.recall, 4),
            Formatting.fixed($0.f1, 4), Formatting.count($0.support),
          ]
        }))
  }

  private func table(_ confusion: [[Double]], names: [String]) -> [String] {
    // One label of yes or no has two rows and one name.
    let names = names.count == confusion.count ? names : confusion.indices.map(String.init)
    return TextTable(
      header: ["actual ↓ predicted →"] + names,
      rows: zip(names, confusion).map { name, row in [name] + row.map(Formatting.count) }
    ).lines
  }

  // text: numbers of this program.
  private func table(_ top: [String: Double]) -> [String] {
    let sorted = top.sorted { (Int($0.key) ?? 0) < (Int($1.key) ?? 0) }
    return TextTable(rows: sorted.map { ["top-\($0.key) accuracy", Formatting.percent($0.value)] }).lines
  }

  private func table(_ targets: [EvaluationDetails.TargetErrors]) -> [String] {
    let hasLevels = targets.contains { $0.crps != nil }
    return shortened(
      TextTable(
        header: ["target, in file units", "mae", "rmse", "mape", "R²"]
          + (hasLevels ? ["pinball", "CRPS", "coverage"] : []),
        rows: targets.map {
          [
            $0.name, Formatting.precise($0.mae), Formatting.precise($0.rmse),
            $0.mape.map(Formatting.percent) ?? "–", $0.r2.map(Formatting.short) ?? "–",
          ]
            + (hasLevels
              ? [
                $0.pinball.map(Formatting.precise) ?? "–", $0.crps.map(Formatting.precise) ?? "–",
                $0.coverage.map(Formatting.percent) ?? "–",
              ] : [])
        }))
  }

  private func shortened(_ table: TextTable) -> [String] {
    guard table.rows.count > Self.rowLimit else { return table.lines }
    var short = table
    short.rows = Array(table.rows.prefix(Self.rowLimit))
    return short.lines + ["… and \(table.rows.count - Self.rowLimit) more; --json has all"]
  }
}
