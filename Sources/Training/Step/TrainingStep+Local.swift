import Diagnostics

/// Steps that a rank takes by itself, on its part of each global batch, and the end of a round of them.
extension TrainingStep {
  func runLocally(
    _ outer: OuterStep, _ samples: UnsafeBufferPointer<Int32>, step: Int, _ learningRate: Double,
    _ place: RoundPlace, stop: Bool, save: Bool
  ) throws -> StepOutcome {
    outer.begin()
    let own = ownRows(of: samples.count)
    outer.add(own.isEmpty ? nil : try take(.init(rebasing: samples[own]), step: step, learningRate))
    // Before anything of it reaches another rank.
    if let failure = set.readingFailure { throw failure }
    outer.stepEnded(place)
    metNobody()
    guard place.stepsLeft == 0 else {
      // Nobody else's time is known yet, and this rank's is told at the round's end.
      computeSeconds.update(repeating: 0)
      return .pending
    }
    let computed = monotonicNanoseconds()
    outer.ownSeconds = Double(computed - together) / 1e9
    let isBeside = outer.isSumming
    let outcome = try outer.finish(stop: stop, save: save)
    if isBeside, let trace, let span = outer.span {
      trace.add(.bucket, step: step + 1, from: span.begin, to: span.end)
    }
    reductionEnded(since: computed, step: step)
    return outcome
  }

  /// A step of this rank alone.
  private func take(_ samples: UnsafeBufferPointer<Int32>, step: Int, _ learningRate: Double) throws
    -> StepOutcome
  {
    learner.begin()
    compute(samples, then: following, step: step, lane: 0, into: model.gradients)
    try learner.sum()
    communicator.progress?.enter(.optimizer, step: step + 1)
    let begin = monotonicNanoseconds()
    let outcome = try learner.update(learningRate: learningRate)
    trace?.add(.optimizer, step: step + 1, from: begin)
    return outcome
  }
}
