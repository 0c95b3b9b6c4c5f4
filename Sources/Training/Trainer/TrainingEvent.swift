import Collective

/// What a run tells as it goes on: values, for whoever writes, shows or sends them.
enum TrainingEvent {
  case step(StepEvent)
  case skipped(SkippedEvent)
  /// How gradients are summed from this step on.
  case reduction(GradientReduction.Choice, step: Int)
  case engine(EngineEvent)
  case epoch(EpochEvent)
  case ended(TrainingReport)
}

/// A step has ended.
struct StepEvent {
  /// Where a rank's step spent its seconds.
  struct Seconds {
    var compute: Double
    var wait: Double
    var communication: Double
  }

  /// From 0.
  var epoch: Int
  /// From 1.
  var step: Int
  /// The mean loss; NaN where the step was not taken.
  var loss: Double
  var learningRate: Double?
  /// Of the mean gradient, before clipping.
  var gradientNorm: Double
  /// Of several ranks: this one's.
  var seconds: Seconds?
}

/// A step was not taken.
struct SkippedEvent {
  var step: Int
  var cause: SkippedSteps.Cause
  /// The global batch, numbers of samples.
  var samples: [Int32]
}

/// How a device computes the steps.
package struct EngineEvent {
  package var engine: String
  package var reason: String
  /// Of a step, of each engine; nil for those that were not timed.
  package var milliseconds: [(engine: String, milliseconds: Double?)]
  /// The same for a person.
  package var note: String

  package init(
    engine: String, reason: String, milliseconds: [(engine: String, milliseconds: Double?)], note: String
  ) {
    self.engine = engine
    self.reason = reason
    self.milliseconds = milliseconds
    self.note = note
  }
}

/// An epoch was trained and evaluated.
struct EpochEvent {
  var summary: EpochSummary
  /// Where its seconds went.
  var times: RankTimes
}

extension TrainingEvent {
  /// What a person should read of it; nil for what is shown elsewhere.
  var note: String? {
    switch self {
    case .skipped(let skipped): "step \(skipped.step) skipped: \(skipped.cause.reason)"
    case .reduction(let choice, _): choice.line
    case .engine(let engine): engine.note
    case .step, .epoch, .ended: nil
    }
  }
}

extension GradientReduction.Choice {
  fileprivate var line: String {
    let way =
      isOverlapped
      ? "in \(messages) messages beside backward" : "in one message after backward"
    let times = milliseconds.map {
      " (\(String(printf: "%.5g", $0.oneMessage)) ms a step in one message, \(String(printf: "%.5g", $0.overlapped)) ms beside backward)"
    }
    let engine = engine == .own ? "" : "by \(engine.words) "
    return "gradients are summed over the ranks \(engine)\(way)\(times ?? "")"
  }
}
