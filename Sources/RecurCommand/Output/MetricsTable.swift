import Recur

/// Metrics of the parts of the data side by side; columns nobody measured are left out.
struct MetricsTable {
  private struct Row {
    var part: String
    var samples: Int?
    var loss, accuracy, mae, rmse, perplexity, bitsPerCharacter, sequenceAccuracy, errorRate, originalMAE,
      originalRMSE: Double?
  }
  let loss: String
  private var rows: [Row] = []

  init(loss: String) { self.loss = loss }

  mutating func add(_ part: String, loss: Double?, accuracy: Double?) {
    rows.append(Row(part: part, loss: loss, accuracy: accuracy))
  }

  mutating func add(_ part: String, _ m: EvaluationMetrics) {
    rows.append(
      Row(
        part: part, samples: m.samples, loss: m.loss, accuracy: m.accuracy, mae: m.mae, rmse: m.rmse,
        perplexity: m.perplexity, bitsPerCharacter: m.bitsPerCharacter,
        sequenceAccuracy: m.sequenceAccuracy, errorRate: m.errorRate, originalMAE: m.originalUnits?.mae,
        originalRMSE: m.originalUnits?.rmse))
  }

  var lines: [String] {
    let columns: [(String, (Row) -> String?)] = [
      ("samples", { $0.samples.map(Formatting.grouped) }), (loss, { $0.loss.map(Formatting.precise) }),
      ("accuracy", { $0.accuracy.map(Formatting.percent) }), ("mae", { $0.mae.map(Formatting.precise) }),
      ("rmse", { $0.rmse.map(Formatting.precise) }),
      ("perplexity", { $0.perplexity.map(Formatting.precise) }),
      ("bits per character", { $0.bitsPerCharacter.map(Formatting.precise) }),
      ("sequences right", { $0.sequenceAccuracy.map(Formatting.percent) }),
      ("error rate", { $0.errorRate.map(Formatting.percent) }),
      ("mae in file units", { $0.originalMAE.map(Formatting.precise) }),
      ("rmse in file units", { $0.originalRMSE.map(Formatting.precise) }),
    ]
    let used = columns.filter { column in rows.contains { column.1($0) != nil } }
    return TextTable(
      header: [""] + used.map(\.0), rows: rows.map { row in [row.part] + used.map { $0.1(row) ?? "–" } }
    ).lines
  }
}
