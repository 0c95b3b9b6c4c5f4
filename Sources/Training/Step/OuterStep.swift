import Collective
import Kernels
import Recurrent

/// The step that ranks take together after a round of steps that each took by itself.
///
/// DiLoCo (Douillard et al. 2023): the way that each rank went from the parameters it started at, start - now, is averaged over the ranks
/// that went one, and is the gradient of an outer optimizer, SGD with Nesterov's momentum, which goes on from the start. Every rank does the
/// same sums and has the same parameters afterwards. What inner optimizers keep stays with their ranks.
///
/// With `sync_delay` the sum has so many of the round's last steps for its travel (Streaming DiLoCo: Douillard et al. 2025, algorithm 2, all
/// parameters as one fragment): ways are those that ranks had gone before these steps. What a rank has by itself at the round's end it keeps
/// in part: `sync_alpha` of what it is ahead of the common parameters. The steps are counted, not timed: no network changes a bit.
package final class OuterStep {
  let optimizer: Optimizer
  private let group: any Communicator
  private let model: Model
  private let average: ParameterAverage?
  /// The parameters at the round's start, of all ranks.
  private let start: UnsafeMutableBufferPointer<Float>
  /// How far this rank is ahead of them at its own start; empty where ranks wait for the sum, and go on from the same parameters.
  private let leadMemory: FloatBuffer
  private let sums: RoundSums
  private let waySum: WaySum
  private let thread: SumThread?
  private let frozen: FrozenParameters
  private let delay: Int
  private let alpha: Float
  /// Steps of the round so far.
  private var steps = 0
  /// Whether this rank has taken a step of it, and whether it had a lead before.
  private var hasStepped = false
  private var hasLead = false
  /// Whether the round's way is being summed, beside steps that are no part of it.
  private(set) var isSumming = false
  /// Seconds of the round so far on this rank.
  var ownSeconds = 0.0

  /// - group: of the ranks that train.
  /// - average: of the parameters that outer steps reach.
  init(
    _ settings: DistributedSpecification, _ model: Model, frozen: FrozenParameters,
    average: ParameterAverage?,
    group: any Communicator
  ) {
    (self.group, self.model, self.average, self.frozen) = (group, model, average, frozen)
    (delay, alpha) = (settings.syncDelay, Float(settings.syncAlpha))
    let (count, momentum) = (model.layout.count, settings.outerMomentum)
    optimizer = Optimizer(
      OptimizerSpecification(
        .sgd(momentum: momentum, nesterov: momentum > 0), learningRate: settings.outerLearningRate),
      count: count, trained: frozen.trained(of: 0..<count), tensors: nil, kernels: model.kernels)
    start = .allocate(capacity: count)
    start.initialize(repeating: 0)
    sums = RoundSums(ranks: group.size)
    let waySum = WaySum(settings.compress, count: count, group: group)
    leadMemory = FloatBuffer(delay > 0 ? count : 0)
    thread = delay > 0 ? SumThread(group, calls: 1) { _ in try waySum.add() } : nil
    self.waySum = waySum
  }

  deinit {
    start.deallocate()
    sums.deallocate()
  }

  private var lead: UnsafeMutableBufferPointer<Float> { leadMemory.all }
  private var way: UnsafeMutableBufferPointer<Float> { waySum.way }

  /// Seconds of each rank's round, after its end.
  var seconds: UnsafeMutableBufferPointer<Double> { sums.seconds }

  /// A step of this rank begins, the round's first or another one.
  func begin() {
    guard steps == 0 else { return }
    _ = start.update(fromContentsOf: model.parameters)
    sums.reset()
    (hasStepped, ownSeconds) = (false, 0)
    hasLead = lead.contains { $0 != 0 }
    guard hasLead else { return }
    for i in lead.indices { model.parameters[i] += lead[i] }
    model.parametersChanged()
  }

  /// Takes note of this rank's own step; nil where it had no samples.
  func add(_ outcome: StepOutcome?) {
    steps += 1
    guard let outcome else { return }
    var counts = sums.counts
    switch outcome.result {
    case .updated:
      hasStepped = true
      counts.losses.loss += outcome.lossSum
      counts.losses.weight += outcome.weight
      counts.losses.right += outcome.right
      counts.losses.counted += outcome.counted
    case .notFinite: counts.notFinite += 1
    case .weightless: counts.weightless += 1
    }
    sums.counts = counts
  }

  /// After each step: sends the way so far where the sum has the steps that are left for its travel. All ranks call it.
  func stepEnded(_ place: RoundPlace) {
    guard let thread, place.stepsLeft == delay, !place.endsEpoch else { return }
    measureWay()
    isSumming = true
    thread.begin()
    thread.release(1)
  }

  private func measureWay() {
    for i in way.indices { way[i] = start[i] - model.parameters[i] }
    sums.counts.moved = hasStepped || hasLead ? 1 : 0
  }

  /// Ends the round: all ranks call it after equally many steps.
  /// - stop, save: what this rank asks all for.
  func finish(stop: Bool, save: Bool) throws -> StepOutcome {
    let wasSumming = isSumming
    if !wasSumming { measureWay() }
    (sums.counts.stop, sums.counts.save) = (stop ? 1 : 0, save ? 1 : 0)
    sums.seconds[group.rank] = ownSeconds
    if wasSumming {
      try thread?.wait()
      isSumming = false
      try group.allReduceSum(sums.all)
    } else {
      try waySum.add(with: sums.all)
    }
    defer { steps = 0 }
    let outcome = take(sums.counts, keepsLead: wasSumming)
    if outcome.result == .updated { waySum.commit() }
    return outcome
  }

  /// When the last sum travelled beside steps, in nanoseconds; nil where it was waited for.
  var span: SumThread.Interval? { thread?.spans[0] }

  /// What this rank keeps for itself.
  var kept: [RankStates.OwnBuffer] {
    waySum.kept + (lead.isEmpty ? [] : [.init(name: "outer.lead", values: lead)])
  }

  /// What all ranks have alike, with what a checkpoint puts before the parameters' names.
  var shared: [(prefix: String, values: UnsafeMutableBufferPointer<Float>)] {
    optimizer.buffers.map { ("optimizer.outer.\($0.name).", $0.values) } + waySum.shared
  }

  /// Brings to the first rank what is there in parts.
  func gather() throws { try waySum.gather() }

  /// - counts: of all ranks.
  /// - keepsLead: whether ranks went on after their ways were measured.
  private func take(_ counts: RoundSums.Counts, keepsLead: Bool) -> StepOutcome {
    frozen.clear(way)
    let squares = model.kernels.functions.sum_of_squares(way.baseAddress!, way.count)
    let isFinite = squares.isFinite && counts.losses.loss.isFinite && counts.losses.weight.isFinite
    var outcome = StepOutcome(.updated, stop: counts.stop > 0, save: counts.save > 0)
    outcome.steps = steps
    if !isFinite || counts.moved == 0 {
      outcome.result = isFinite && counts.notFinite == 0 ? .weightless : .notFinite
    } else {
      outcome.skipped.notFinite = Int(counts.notFinite)
      outcome.skipped.weightless = Int(counts.weightless)
      (outcome.lossSum, outcome.weight) = (counts.losses.loss, counts.losses.weight)
      (outcome.right, outcome.counted) = (counts.losses.right, counts.losses.counted)
      outcome.gradientNorm = squares.squareRoot() / counts.moved
      optimizer.update(
        start, gradients: way, scale: Float(1 / counts.moved),
        learningRate: optimizer.specification.learningRate, team: model.team)
    }
    keepLead(keepsLead && hasStepped && outcome.result == .updated)
    _ = model.parameters.update(fromContentsOf: start)
    if outcome.result == .updated { average?.update(model.parameters, isFirst: optimizer.steps == 1) }
    model.parametersChanged()
    return outcome
  }

  /// Keeps a part of what this rank has beyond the common parameters, which are in the place of the round's start; or nothing.
  private func keepLead(_ keeps: Bool) {
    for i in lead.indices { lead[i] = keeps ? alpha * (model.parameters[i] - start[i]) : 0 }
    let squares = model.kernels.functions.sum_of_squares(lead.baseAddress!, lead.count)
    if !squares.isFinite { lead.update(repeating: 0) }
  }
}

/// Where a step stands in a round.
package struct RoundPlace: Sendable {
  /// Steps of the round that come after it.
  var stepsLeft = 0
  /// Whether an epoch ends with the round: then all wait for its sum, so that what is evaluated has learnt from every sample.
  var endsEpoch = true

  init(stepsLeft: Int, endsEpoch: Bool) { (self.stepsLeft, self.endsEpoch) = (stepsLeft, endsEpoch) }

  /// The end of an epoch: a step of all ranks.
  package init() {}
}
