/// One line of metrics.jsonl, put together without an encoder because there may be one per step.
struct MetricsLine {
  private(set) var text: String

  init(_ event: String) { text = "{\"event\":\"\(event)\"" }

  mutating func add(_ key: String, _ value: Int) { text += ",\"\(key)\":\(value)" }
  /// What is not finite has no number in JSON: null.
  mutating func add(_ key: String, _ value: Double?) {
    guard let value else { return }
    text += value.isFinite ? ",\"\(key)\":\(value)" : ",\"\(key)\":null"
  }
  mutating func add(_ key: String, _ words: StaticString) { text += ",\"\(key)\":\"\(words)\"" }
  mutating func add(_ key: String, quoting words: String) { text += ",\"\(key)\":\(JSON.quoted(words))" }
  mutating func add(_ key: String, _ numbers: some Collection<some LosslessStringConvertible>) {
    text += ",\"\(key)\":[\(numbers.map { "\($0)" }.joined(separator: ","))]"
  }
  mutating func add(_ key: String, _ metrics: EvaluationMetrics?) {
    guard let metrics else { return }
    var inner = MetricsLine(open: ",\"\(key)\":{\"samples\":\(metrics.samples)")
    inner.add("loss", metrics.loss)
    inner.add("accuracy", metrics.accuracy)
    inner.add("mae", metrics.mae)
    inner.add("rmse", metrics.rmse)
    inner.add("top_5_accuracy", metrics.top5Accuracy)
    inner.add("macro_f1", metrics.macroF1)
    inner.add("mape", metrics.mape)
    inner.add("r2", metrics.r2)
    inner.add("pinball", metrics.pinball)
    inner.add("crps", metrics.crps)
    inner.add("coverage", metrics.coverage)
    inner.add("nominal_coverage", metrics.nominalCoverage)
    inner.add("perplexity", metrics.perplexity)
    inner.add("bits_per_character", metrics.bitsPerCharacter)
    inner.add("sequence_accuracy", metrics.sequenceAccuracy)
    inner.add("error_rate", metrics.errorRate)
    if let units = metrics.originalUnits {
      inner.add("original_mae", units.mae)
      inner.add("original_rmse", units.rmse)
      inner.add("original_pinball", units.pinball)
      inner.add("original_crps", units.crps)
    }
    text += inner.closed
  }

  private init(open: String) { text = open }
  var closed: String { text + "}" }
}
