import CUDA
import Collective

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

extension MetricsLine {
  /// Where the time of an epoch went, for several ranks.
  mutating func add(_ times: RankTimes, _ slowest: SlowestRank?) {
    guard let slowest else { return }
    text += ",\"compute_seconds\":[\(times.compute.map { "\($0)" }.joined(separator: ","))]"
    add("wait_seconds", times.wait)
    add("communication_seconds", times.communication)
    add("slowest_rank", slowest.rank)
    text += ",\"slowest_host\":\(JSON.quoted(slowest.host))"
  }

  /// The line of the step that has just ended, where one is wanted.
  static func step(_ run: Trainer, _ outcome: StepOutcome) -> String? {
    let every = run.recipe.train.logEverySteps
    guard every > 0, run.state.step % every == 0 else { return nil }
    var line = MetricsLine("step")
    line.add("epoch", run.state.epoch)
    line.add("step", run.state.step)
    line.add("loss", outcome.lossSum / outcome.weight)
    line.add("learning_rate", run.state.counters.learningRate)
    line.add("gradient_norm", outcome.gradientNorm)
    if run.roles.workers.size > 1 {
      line.add("compute_seconds", run.step.computeSeconds[run.roles.workers.rank])
      line.add("wait_seconds", run.step.wait)
      line.add("communication_seconds", run.step.communication)
    }
    return line.closed
  }

  /// The last line of a run that came to an end, or of one that was stopped: then of the checkpoint it can go on from.
  static func end(_ report: TrainingReport) -> String {
    var line = MetricsLine("end")
    line.text += ",\"status\":\"\(report.status.rawValue)\""
    line.add("epochs", report.epochs)
    line.add("step", report.steps)
    line.add("train_loss", report.trainLoss)
    line.add("validation", report.validation)
    line.add("test", report.test)
    if let step = report.evaluatedStep { line.add("evaluated_step", step) }
    line.add("seconds", report.seconds)
    return line.closed
  }

  /// How gradients are summed from a step on.
  static func chosen(_ choice: GradientReduction.Choice, step: Int) -> String {
    var line = MetricsLine("reduction")
    line.add("step", step)
    line.add("messages", choice.messages)
    line.add("one_message_milliseconds", choice.milliseconds?.oneMessage)
    line.add("overlapped_milliseconds", choice.milliseconds?.overlapped)
    return line.closed
  }

  /// How a device computes the steps.
  static func engine(_ choice: EngineChoice) -> String {
    var line = MetricsLine("engine")
    line.text += ",\"engine\":\"\(choice.engine.rawValue)\",\"reason\":\"\(choice.reason.rawValue)\""
    for engine in Engine.allCases { line.add("\(engine.rawValue)_milliseconds", choice.milliseconds[engine]) }
    return line.closed
  }

  static func skipped(
    _ step: Int, _ samples: Slice<UnsafeMutableBufferPointer<Int32>>, _ reason: StaticString
  )
    -> String
  {
    var line = MetricsLine("skipped")
    line.add("step", step)
    line.add("reason", reason)
    line.add("samples", samples)
    return line.closed
  }
}
