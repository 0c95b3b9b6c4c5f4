import TestSupport
import Testing
import Training

/// A case of Tests/Reference/schedules.json: `rates[k]` is in force after k calls of the scheduler's `step`, from 0.1.
private struct ScheduleCase: Decodable {
  struct Options: Decodable {
    let stepSize, tMax, patience, cooldown: Int?
    let gamma, factor, threshold, minLr: Double?
  }
  let name: String
  let options: Options
  let metrics: [Double]?
  let rates: [Double]

  var rule: ScheduleSpecification.Rule? {
    switch name {
    case "step": .step(stepSize: options.stepSize!, gamma: options.gamma!)
    case "cosine": .cosine(tMax: options.tMax!, minLR: options.minLr!)
    case "plateau":
      .plateau(
        factor: options.factor!, patience: options.patience!, threshold: options.threshold!,
        cooldown: options.cooldown ?? 0, minLR: options.minLr!)
    default: nil
    }
  }
}

@Suite(.tags(.fast)) struct ScheduleTests {
  @Test func followsPyTorch() throws {
    var seen: Set<String> = []
    for test in try Reference.load("schedules.json", as: [ScheduleCase].self) {
      guard let rule = test.rule else { continue }
      var schedule = Schedule(ScheduleSpecification(rule), baseRate: 0.1, epochs: 99)
      for (epoch, rate) in test.rates.enumerated() {
        #expect(abs(schedule.rate(epoch: epoch) - rate) < 1e-15, "\(test.name) epoch \(epoch)")
        if let metrics = test.metrics, epoch < metrics.count { schedule.epochEnded(value: metrics[epoch]) }
      }
      seen.insert(test.name)
    }
    #expect(seen == ["step", "cosine", "plateau"])
  }

  /// PyTorch's `LinearLR(start_factor=1/5, total_iters=4)` on 0.1.
  @Test func warmupRisesLinearly() {
    let schedule = Schedule(ScheduleSpecification(.constant, warmupSteps: 5), baseRate: 0.1, epochs: 1)
    let expected = [0.02, 0.04, 0.06, 0.08, 0.1, 0.1, 0.1]
    for (step, rate) in expected.enumerated() {
      #expect(abs(schedule.rate(epoch: 0) * schedule.warmup(step: step) - rate) < 1e-15)
    }
    let without = Schedule(ScheduleSpecification(.constant), baseRate: 0.1, epochs: 1)
    #expect(without.warmup(step: 0) == 1)
  }

  @Test func cosineSpansTheRun() {
    let schedule = Schedule(ScheduleSpecification(.cosine(minLR: 0.01)), baseRate: 0.1, epochs: 20)
    #expect(schedule.rate(epoch: 0) == 0.1)
    #expect(abs(schedule.rate(epoch: 10) - 0.055) < 1e-15)
    #expect(abs(schedule.rate(epoch: 20) - 0.01) < 1e-15)
  }

  @Test func plateauNeverCountsNaNAsBetterAndCanRise() {
    let rule = ScheduleSpecification.Rule.plateau(
      factor: 0.5, patience: 0, metric: MetricName(.validation, .accuracy))
    var schedule = Schedule(ScheduleSpecification(rule), baseRate: 1, epochs: 9)
    schedule.epochEnded(value: 0.5)
    schedule.epochEnded(value: 0.6)
    #expect(schedule.rate(epoch: 2) == 1)
    schedule.epochEnded(value: .nan)
    #expect(schedule.rate(epoch: 3) == 0.5)
    #expect(schedule.state.best == 0.6)
  }
}

@Suite(.tags(.fast)) struct EarlyStoppingTests {
  private func stopsAfter(_ values: [Double], metric: MetricName = MetricName(.validation, .loss)) -> Int? {
    var specification = EarlyStoppingSpecification()
    specification.metric = metric
    specification.patience = 3
    specification.minDelta = 0.1
    var stopping = EarlyStopping(specification)
    for (index, value) in values.enumerated() {
      stopping.evaluated(value)
      if stopping.shouldStop { return index }
    }
    return nil
  }

  @Test func stopsWhenPatienceIsReached() {
    #expect(stopsAfter([5, 4, 4.5, 4.2, 4.1, 1]) == 4)
    #expect(stopsAfter([5, 4, 4.5, 4.2, 3.5, 4, 4]) == nil)
  }

  @Test func smallChangesAreNoImprovement() {
    #expect(stopsAfter([1, 0.95, 0.92, 0.91]) == 3)
    #expect(stopsAfter([1, 0.95, 0.89, 0.88]) == nil)
  }

  @Test func accuracyMustRise() {
    #expect(stopsAfter([0.1, 0.3, 0.5, 0.7], metric: MetricName(.validation, .accuracy)) == nil)
    #expect(stopsAfter([0.7, 0.5, 0.3, 0.1], metric: MetricName(.validation, .accuracy)) == 3)
  }

  @Test func notANumberIsNeverBetter() {
    #expect(stopsAfter([.nan, .nan, .nan]) == 2)
    #expect(stopsAfter([5, .nan, .nan, .nan]) == 3)
    #expect(stopsAfter([5, .nan, 4, .nan, .nan]) == nil)
  }
}
