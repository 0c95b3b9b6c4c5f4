import Recur

/// Metrics of the parts of the data side by side; columns nobody measured are left out.
struct MetricsTable {
  private struct PartRow {
    var part: String
    var samples: Int?
    var loss: Double?
    var metrics: EvaluationMetrics?
  }
  let loss: String
  private var rows: [PartRow] = []

  init(loss: String) { self.loss = loss }

  mutating func add(_ part: String, loss: Double?, accuracy: Double?) {
    var metrics = EvaluationMetrics(samples: 0, loss: loss ?? .nan)
    metrics.accuracy = accuracy
    rows.append(PartRow(part: part, loss: loss, metrics: metrics))
  }

  mutating func add(_ part: String, _ m: EvaluationMetrics) {
    rows.append(PartRow(part: part, samples: m.samples, loss: m.loss, metrics: m))
  }

  var lines: [String] { table.lines }

  var table: TextTable {
    let columns: [(String, (PartRow) -> String?)] = [
      ("samples", { $0.samples.map(Formatting.grouped) }), (loss, { $0.loss.map(Formatting.precise) }),
      ("accuracy", { $0.metrics?.accuracy.map(Formatting.percent) }),
      ("top 5", { $0.metrics?.top5Accuracy.map(Formatting.percent) }),
      ("macro F1", { $0.metrics?.macroF1.map(Formatting.short) }),
      ("mae", { $0.metrics?.mae.map(Formatting.precise) }),
      ("rmse", { $0.metrics?.rmse.map(Formatting.precise) }),
      ("mape", { $0.metrics?.mape.map(Formatting.percent) }),
      ("R²", { $0.metrics?.r2.map(Formatting.short) }),
      ("pinball", { $0.metrics?.pinball.map(Formatting.precise) }),
      ("CRPS", { $0.metrics?.crps.map(Formatting.precise) }),
      ("coverage", { $0.metrics.flatMap(Self.coverage) }),
      ("perplexity", { $0.metrics?.perplexity.map(Formatting.precise) }),
      ("bits per character", { $0.metrics?.bitsPerCharacter.map(Formatting.precise) }),
      ("sequences right", { $0.metrics?.sequenceAccuracy.map(Formatting.percent) }),
      ("error rate", { $0.metrics?.errorRate.map(Formatting.percent) }),
      ("mae in file units", { ($0.metrics?.originalUnits?.mae).map(Formatting.precise) }),
      ("rmse in file units", { ($0.metrics?.originalUnits?.rmse).map(Formatting.precise) }),
      ("CRPS in file units", { ($0.metrics?.originalUnits?.crps).map(Formatting.precise) }),
    ]
    let used = columns.filter { column in rows.contains { column.1($0) != nil } }
    return TextTable(
      header: [""] + used.map(\.0),
      rows: rows.map { row in [row.part] + used.map { $0.1(row) ?? Formatting.none } }
    )
  }

  /// What lies in the widest interval, and what should.
  private static func coverage(_ metrics: EvaluationMetrics) -> String? {
    guard let coverage = metrics.coverage, let nominal = metrics.nominalCoverage else { return nil }
    return "\(Formatting.percent(coverage)) of \(Formatting.short(nominal * 100))%"
  }
}
