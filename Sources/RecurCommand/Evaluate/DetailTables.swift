import Recur

/// Classes, confusions and targets as tables for a person.
struct DetailTables {
  /// A table with what it is about.
  struct Detail {
    var name: String
    var table: TextTable
    /// Rows that are not shown.
    var more = 0
    /// Whether it is better seen as a picture.
    var isMatrix = false
  }

  /// More columns than this have no room in a terminal.
  private static let columnLimit = 20
  /// Rows shown of a long table; JSON has all.
  private static let rowLimit = 40

  let details: EvaluationDetails

  var lines: [String] {
    tables.flatMap { table in
      [""] + table.table.lines + (table.more > 0 ? ["… and \(table.more) more; --json has all"] : [])
    }
  }

  var tables: [Detail] {
    var tables: [Detail] = []
    if let classes = details.classes { tables.append(table(classes)) }
    if let confusion = details.confusion, confusion.count <= Self.columnLimit {
      tables.append(table(confusion, names: details.classes?.map(\.name) ?? []))
    }
    if let top = details.topAccuracy, !top.isEmpty { tables.append(table(top)) }
    if let targets = details.targets, targets.count > 1 { tables.append(table(targets)) }
    return tables
  }

  private func table(_ classes: [EvaluationDetails.ClassScore]) -> Detail {
    shortened(
      "classes",
      TextTable(
        header: ["class", "precision", "recall", "F1", "samples"],
        rows: classes.map {
          [
            $0.name, Formatting.fixed($0.precision, 4), Formatting.fixed($0.recall, 4),
            Formatting.fixed($0.f1, 4), Formatting.count($0.support),
          ]
        }))
  }

  private func table(_ confusion: [[Double]], names: [String]) -> Detail {
    // One label of yes or no has two rows and one name.
    let names = names.count == confusion.count ? names : confusion.indices.map(String.init)
    return Detail(
      name: "confusions",
      table: TextTable(
        header: ["actual ↓ predicted →"] + names,
        rows: zip(names, confusion).map { name, row in [name] + row.map(Formatting.count) }), isMatrix: true)
  }

  // text: numbers of this program.
  private func table(_ top: [String: Double]) -> Detail {
    let sorted = top.sorted { (Int($0.key) ?? 0) < (Int($1.key) ?? 0) }
    return Detail(
      name: "right among the first answers",
      table: TextTable(rows: sorted.map { ["top-\($0.key) accuracy", Formatting.percent($0.value)] }))
  }

  private func table(_ targets: [EvaluationDetails.TargetErrors]) -> Detail {
    let hasLevels = targets.contains { $0.crps != nil }
    return shortened(
      "targets",
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

  private func shortened(_ name: String, _ table: TextTable) -> Detail {
    var short = table
    short.rows = Array(table.rows.prefix(Self.rowLimit))
    return Detail(name: name, table: short, more: table.rows.count - short.rows.count)
  }
}
