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
  mutating func add(_ key: String, _ numbers: some Collection<Int32>) {
    text += ",\"\(key)\":[\(numbers.map(String.init).joined(separator: ","))]"
  }
  mutating func add(_ key: String, _ metrics: EvaluationMetrics?) {
    guard let metrics else { return }
    var inner = MetricsLine(open: ",\"\(key)\":{\"samples\":\(metrics.samples)")
    inner.add("loss", metrics.loss)
    inner.add("accuracy", metrics.accuracy)
    inner.add("mae", metrics.mae)
    inner.add("rmse", metrics.rmse)
    inner.add("perplexity", metrics.perplexity)
    inner.add("bits_per_character", metrics.bitsPerCharacter)
    inner.add("sequence_accuracy", metrics.sequenceAccuracy)
    inner.add("error_rate", metrics.errorRate)
    if let units = metrics.originalUnits {
      inner.add("original_mae", units.mae)
      inner.add("original_rmse", units.rmse)
    }
    text += inner.closed
  }

  private init(open: String) { text = open }
  var closed: String { text + "}" }
}
