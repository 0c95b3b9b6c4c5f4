/// How long things take on this rank.
struct RunClocks {
  var meter: RunMeter
  /// Of this process's steps.
  var steps = StepTimes()
  /// Of the epoch, of all ranks.
  var ranks: RankTimes
  /// Of the workers, which a dedicated coordinator gets at the end.
  var workersSteps: TrainingReport.StepTime?

  /// - workers: how many ranks train.
  init(totalSamples: Int, workers: Int) {
    meter = RunMeter(totalSamples: totalSamples)
    ranks = RankTimes(workers: workers)
  }

  mutating func startEpoch() {
    meter.startEpoch()
    ranks.reset()
  }

  /// A step of so many samples has ended.
  mutating func stepEnded(_ step: TrainingStep, samples: Int) {
    let nanoseconds = meter.stepEnded(samples: samples)
    steps.add(nanoseconds: step.device?.stepNanoseconds ?? nanoseconds)
    ranks.add(step)
  }

  var stepTime: TrainingReport.StepTime {
    workersSteps
      ?? .init(median: steps.milliseconds(quantile: 0.5), p95: steps.milliseconds(quantile: 0.95))
  }
}
