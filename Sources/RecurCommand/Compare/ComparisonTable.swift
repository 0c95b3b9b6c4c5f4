import Recur

/// A comparison as rows of text: for people a few columns with four digits, as CSV all of it with every digit.
struct ComparisonTable {
  private struct MetricColumn {
    var name: String
    /// Of the run in this row; nil for nothing.
    var value: (_ row: Int) -> String?
  }
  private let comparison: RunComparison
  private var runs: [RunSummary] { comparison.runs }

  init(_ comparison: RunComparison) { self.comparison = comparison }

  /// Aligned, columns without any value left out.
  var lines: [String] { table.lines }

  var table: TextTable {
    let metric = comparison.metric.name
    // Of both parts what a person looks at first.
    let main = ["loss", "accuracy", "mae", "perplexity", "error_rate"]
    let shown =
      [metric]
      + comparison.measured.filter { name in
        name != metric
          && ["validation", "test"].contains { part in main.contains { name == "\(part).\($0)" } }
      }
    var columns = [MetricColumn(name: "run") { runs[$0].path }] + settings
    columns.append(MetricColumn(name: "epochs") { progress(runs[$0]) })
    columns.append(MetricColumn(name: "of epoch") { runs[$0].chosen.map { "\($0.epoch)" } })
    columns += shown.map { name in
      MetricColumn(name: name.text) { runs[$0].chosen?.values[name].map(Formatting.short) }
    }
    columns.append(
      MetricColumn(name: "last.\(metric.text)") { runs[$0].last?.values[metric].map(Formatting.short) })
    columns.append(MetricColumn(name: "time") { runs[$0].seconds.map(Formatting.duration) })
    columns.append(MetricColumn(name: "parameters") { runs[$0].parameters.map(Formatting.grouped) })
    columns.append(
      MetricColumn(name: "size") { runs[$0].checkpointBytes.map { Formatting.bytes(Double($0)) } })
    columns.append(MetricColumn(name: "") { remark($0) })
    let used = columns.filter { column in runs.indices.contains { column.value($0) != nil } }
    let isLast = used.last?.name.isEmpty == true
    return TextTable(
      header: used.map(\.name),
      rows: runs.indices.map { row in
        used.enumerated().map { index, column in
          column.value(row) ?? (isLast && index == used.count - 1 ? "" : Formatting.none)
        }
      })
  }

  /// A head and a line for each run, by RFC 4180.
  var csv: [String] {
    var columns = [
      MetricColumn(name: "run") { runs[$0].path }, MetricColumn(name: "status") { runs[$0].status.rawValue },
    ]
    columns += settings
    columns.append(MetricColumn(name: "epochs") { "\(runs[$0].epochs)" })
    columns.append(MetricColumn(name: "steps") { "\(runs[$0].steps)" })
    columns.append(MetricColumn(name: "of_epoch") { runs[$0].chosen.map { "\($0.epoch)" } })
    let measured = comparison.measured
    columns += measured.map { name in MetricColumn(name: name.text) { number(runs[$0].chosen?.values[name]) }
    }
    columns += measured.filter { name in runs.contains { $0.last?.values[name] != nil } }.map { name in
      MetricColumn(name: "last.\(name.text)") { number(runs[$0].last?.values[name]) }
    }
    columns.append(MetricColumn(name: "seconds") { number(runs[$0].seconds) })
    columns.append(MetricColumn(name: "parameters") { runs[$0].parameters.map(String.init) })
    columns.append(MetricColumn(name: "parameters_sha256") { runs[$0].parametersSHA256 })
    columns.append(MetricColumn(name: "checkpoint") { runs[$0].checkpoint })
    columns.append(MetricColumn(name: "checkpoint_bytes") { runs[$0].checkpointBytes.map(String.init) })
    columns.append(MetricColumn(name: "notes") { comparison.notes[$0].joined(separator: "; ") })
    return [CSVLine.text(columns.map(\.name))]
      + runs.indices.map { row in CSVLine.text(columns.map { $0.value(row) ?? "" }) }
  }

  private var settings: [MetricColumn] {
    comparison.keys.indices.map { key in
      MetricColumn(name: comparison.keys[key].text) { comparison.settings[$0][key] }
    }
  }

  private func number(_ value: Double?) -> String? { value.map { $0.isNaN ? "" : "\($0)" } }

  private func progress(_ run: RunSummary) -> String {
    guard let epochs = run.recipe?.train.epochs, epochs != run.epochs else { return "\(run.epochs)" }
    return "\(run.epochs) of \(epochs)"
  }

  private func remark(_ row: Int) -> String? {
    let word: String? =
      switch runs[row].status {
      case .completed: nil
      case .earlyStopped: "stopped early"
      case .interrupted: "interrupted"
      case .running: "running"
      case .unfinished: "not ended"
      case .failed: "failed"
      }
    let words = [word].compactMap { $0 } + comparison.notes[row]
    return words.isEmpty ? nil : words.joined(separator: "; ")
  }
}
