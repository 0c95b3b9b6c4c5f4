/// What all ranks know after a step.
public struct StepOutcome: Sendable {
  public enum Result: Sendable {
    case updated
    /// The loss or a gradient is not finite; nothing was changed.
    case notFinite
    /// No sample of the batch counts; nothing was changed.
    case weightless
  }
  public internal(set) var result: Result
  /// Over the samples of all ranks; zero where the step was not taken.
  public internal(set) var lossSum = 0.0
  /// What the sum is divided by: see `Loss.Total`.
  public internal(set) var weight = 0.0
  /// Of classes: targets hit, and how many there were.
  public internal(set) var right = 0.0
  public internal(set) var counted = 0.0
  /// Of the mean gradient, before clipping.
  public internal(set) var gradientNorm = 0.0
  /// Whether a rank asks for an end, or the first rank for a checkpoint.
  package internal(set) var stop = false
  package internal(set) var save = false
  /// Whether a rank took the step by itself: what it gave comes with the end of the round.
  package internal(set) var isPending = false
  /// How many steps it tells of: those of a round, else one.
  var steps = 1
  /// Steps of the round that some rank did not take.
  var skipped = SkippedSteps()

  /// - result: of a step that was not taken.
  package init(_ result: Result, stop: Bool, save: Bool) {
    self.result = result
    self.stop = stop
    self.save = save
  }

  /// A step that was taken.
  package init(
    lossSum: Double, weight: Double, right: Double, counted: Double, gradientNorm: Double, stop: Bool,
    save: Bool
  ) {
    self.init(.updated, stop: stop, save: save)
    self.lossSum = lossSum
    self.weight = weight
    self.right = right
    self.counted = counted
    self.gradientNorm = gradientNorm
  }

  /// A step that this rank took by itself.
  static var pending: StepOutcome {
    var outcome = StepOutcome(.updated, stop: false, save: false)
    outcome.isPending = true
    return outcome
  }

  /// The mean loss; NaN where the step was not taken.
  public var loss: Double { result == .updated ? lossSum / weight : .nan }
}
