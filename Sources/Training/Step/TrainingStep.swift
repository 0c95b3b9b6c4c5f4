import Collective
import Dataset
import Diagnostics
import Recurrent

/// One step of a run: which part of a global batch this rank computes and in which pieces, gathered ahead of time, on the processor or
/// a device, and how long it took. What is computed is the learner's.
package final class TrainingStep {
  package let learner: Learner
  let train: TrainSpecification
  package let set: any SampleSet
  let pipeline: BatchPipeline
  /// What the epoch's next step computes first, where there is one.
  var following: UnsafeBufferPointer<Int32>?
  /// Where the streams stand, for samples that are windows of streams.
  package let states: StreamStates?
  /// Computes in place of the learner where there is one.
  package var device: (any StepDevice)?
  let trace: Trace?
  let laneCount: Int

  package var model: Model { learner.model }
  /// The ranks that train.
  package let communicator: any Communicator
  /// What ends a round of steps that ranks take by themselves; nil where all take every step together.
  let outer: OuterStep?
  var lanes: LaneReduction? { learner.lanes }
  private var gradientSum: GradientSum { learner.gradientSum }

  /// Of the last step: seconds that each rank took from the reduction before to this one, and this rank's in it.
  var computeSeconds: UnsafeMutableBufferPointer<Double> { outer?.seconds ?? learner.sums.seconds }
  /// When all ranks were last together: what each one does from then on makes the others wait.
  private(set) var together = monotonicNanoseconds()
  /// How gradients are summed, after the step that decided it.
  private(set) var choice: GradientReduction.Choice?
  private(set) var wait = 0.0
  private(set) var communication = 0.0

  /// - group: the ranks that train. outer: ends their rounds, where each takes steps by itself.
  init(
    _ learner: Learner, recipe: Recipe, set: any SampleSet, group: any Communicator, outer: OuterStep? = nil,
    trace: Trace?, gathersAhead: Bool
  ) {
    self.learner = learner
    (communicator, self.outer) = (group, outer)
    self.trace = trace
    self.set = set
    train = recipe.train
    laneCount = learner.lanes?.laneCount ?? 1
    let (model, full) = (learner.model, min(recipe.train.batchSize, set.count))
    let part = equalPart(0, of: full, among: learner.lanes?.laneCount ?? group.size).count
    let own = learner.lanes.map {
      equalParts(of: full, among: $0.laneCount)[$0.lanes].reduce(0) { $0 + $1.count }
    }
    let capacity = max(
      min(part, train.microBatch(of: part)), train.computesWholeParts && model.cutsLanes ? own ?? 0 : 0)
    // A loss that is computed with the last layer has room of its own.
    if !learner.joinsLoss {
      learner.reserve(rows: model.network.outputRows(steps: set.shape.steps, batch: capacity))
    }
    pipeline =
      gathersAhead
      ? BatchPipeline(set, capacity: capacity) : BatchPipeline(set, capacity: capacity, worthwhile: .max)
    states = set.streams.map { StreamStates(model.network, streams: $0.count) }
  }

  /// - samples: the global batch; each rank takes its part of it, which may be empty.
  /// - following: the epoch's next global batch; it may be gathered while this one is computed.
  /// - round: where it stands in a round, where ranks take steps by themselves.
  /// - stop, save: what this rank asks all for.
  func run(
    _ samples: UnsafeBufferPointer<Int32>, following: UnsafeBufferPointer<Int32>? = nil, step: Int,
    learningRate: Double, round: RoundPlace = RoundPlace(), stop: Bool, save: Bool
  ) throws -> StepOutcome {
    if let device {
      defer { choice = device.choice }
      let outcome = try device.run(samples, step: step, learningRate: learningRate, stop: stop, save: save)
      if let failure = set.readingFailure { throw failure }
      return outcome
    }
    self.following = following.flatMap { firstMicroBatch(of: $0) }
    if let outer {
      return try runLocally(outer, samples, step: step, learningRate, round, stop: stop, save: save)
    }
    learner.begin()
    gradientSum.batch.samples = samples.count
    (learner.sums.requests.stop, learner.sums.requests.save) = (stop ? 1 : 0, save ? 1 : 0)
    if let lanes {
      if computesLanesTogether(samples) {
        computeTogether(lanes, samples, step: step)
      } else {
        computeLanes(lanes, samples, step: step)
      }
    } else {
      compute(
        .init(rebasing: samples[ownRows(of: samples.count)]), then: self.following, step: step, lane: 0,
        into: model.gradients)
    }
    // Before anything of it reaches another rank.
    if let failure = set.readingFailure { throw failure }
    let (start, computed) = (together, monotonicNanoseconds())
    computeSeconds[communicator.rank] = Double(computed - together) / 1e9
    try learner.sum()
    reductionEnded(since: computed, step: step)
    let reduced = together
    if let trace {
      for span in gradientSum.spans { trace.add(.bucket, step: step + 1, from: span.begin, to: span.end) }
    }
    communicator.progress?.enter(.optimizer, step: step + 1)
    let outcome = try learner.update(learningRate: learningRate)
    trace?.add(.optimizer, step: step + 1, from: reduced)
    choice = try gradientSum.stepEnded(seconds: Double(reduced - start) / 1e9)
    return outcome
  }

  /// Whether MPI is another thread's: nothing of any group may be called then.
  var isSumming: Bool { outer?.isSumming ?? false }

  /// The steps that come are of this epoch.
  func beginEpoch(_ epoch: Int) { gradientSum.batch.epoch = epoch }

  /// Notes that all ranks have just left a call together.
  func meet() { together = monotonicNanoseconds() }

  /// Notes what a reduction took that has just ended.
  /// - computed: when this rank came to it.
  func reductionEnded(since computed: UInt64, step: Int) {
    together = monotonicNanoseconds()
    accountReduction(seconds: Double(together - computed) / 1e9)
    trace?.add(.reduction, step: step + 1, from: computed, to: together)
  }

  /// Notes that this rank has met nobody.
  func metNobody() { (wait, communication) = (0, 0) }

  /// The slowest one's lead is what the others waited.
  private func accountReduction(seconds: Double) {
    let own = computeSeconds[communicator.rank]
    wait = min((computeSeconds.max() ?? own) - own, seconds)
    communication = communicator.size > 1 ? seconds - wait : 0
  }
}
