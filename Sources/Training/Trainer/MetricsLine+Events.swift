import Collective

/// The lines of metrics.jsonl, one for each event.
extension MetricsLine {
  /// - everySteps: how often steps have a line; 0 for never.
  /// - Returns: nil where the event has none.
  static func line(_ event: TrainingEvent, everySteps: Int) -> String? {
    switch event {
    case .step(let step): everySteps > 0 && step.step % everySteps == 0 ? line(step).closed : nil
    case .skipped(let skipped): line(skipped).closed
    case .reduction(let choice, let step): line(choice, step: step).closed
    case .engine(let engine): line(engine).closed
    case .epoch(let epoch): line(epoch).closed
    case .ended(let report): line(report).closed
    }
  }

  private static func line(_ event: StepEvent) -> MetricsLine {
    var line = MetricsLine("step")
    line.add("epoch", event.epoch)
    line.add("step", event.step)
    line.add("loss", event.loss)
    line.add("learning_rate", event.learningRate)
    line.add("gradient_norm", event.gradientNorm)
    line.add("compute_seconds", event.seconds?.compute)
    line.add("wait_seconds", event.seconds?.wait)
    line.add("communication_seconds", event.seconds?.communication)
    return line
  }

  private static func line(_ event: SkippedEvent) -> MetricsLine {
    var line = MetricsLine("skipped")
    line.add("step", event.step)
    line.add("reason", event.cause.reason)
    line.add("samples", event.samples)
    return line
  }

  private static func line(_ choice: GradientReduction.Choice, step: Int) -> MetricsLine {
    var line = MetricsLine("reduction")
    line.add("step", step)
    line.add("messages", choice.messages)
    if choice.engine != .own { line.add("engine", quoting: choice.engine.rawValue) }
    line.add("one_message_milliseconds", choice.milliseconds?.oneMessage)
    line.add("overlapped_milliseconds", choice.milliseconds?.overlapped)
    return line
  }

  private static func line(_ event: EngineEvent) -> MetricsLine {
    var line = MetricsLine("engine")
    line.add("engine", quoting: event.engine)
    line.add("reason", quoting: event.reason)
    for (engine, milliseconds) in event.milliseconds { line.add("\(engine)_milliseconds", milliseconds) }
    return line
  }

  private static func line(_ event: EpochEvent) -> MetricsLine {
    let summary = event.summary
    var line = MetricsLine("epoch")
    line.add("epoch", summary.epoch)
    line.add("step", summary.step)
    line.add("train_loss", summary.trainLoss)
    line.add("train_accuracy", summary.trainAccuracy)
    line.add("learning_rate", summary.learningRate)
    line.add("validation", summary.validation)
    line.add("seconds", summary.seconds)
    line.add("samples_per_second", summary.samplesPerSecond)
    line.add("skipped_steps", summary.skippedSteps)
    guard let slowest = summary.slowest else { return line }
    line.add("compute_seconds", event.times.compute)
    line.add("wait_seconds", event.times.wait)
    line.add("communication_seconds", event.times.communication)
    line.add("slowest_rank", slowest.rank)
    line.add("slowest_host", quoting: slowest.host)
    return line
  }

  /// The last line of a run that came to an end, or of one that was stopped: then of the checkpoint it can go on from.
  private static func line(_ report: TrainingReport) -> MetricsLine {
    var line = MetricsLine("end")
    line.add("status", quoting: report.status.rawValue)
    line.add("epochs", report.epochs)
    line.add("step", report.steps)
    line.add("train_loss", report.trainLoss)
    line.add("validation", report.validation)
    line.add("test", report.test)
    if let step = report.evaluatedStep { line.add("evaluated_step", step) }
    line.add("seconds", report.seconds)
    return line
  }
}
