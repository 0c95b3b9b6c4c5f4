import Collective
import Kernels
import Recurrent

/// The step that ranks take together after a round of steps that each took by itself.
///
/// DiLoCo (Douillard et al. 2023): the way that each rank went from the parameters it started at, start - now, is averaged over the ranks
/// that went one, and is the gradient of an outer optimizer, SGD with Nesterov's momentum, which goes on from the start. Every rank does the
/// same sums and has the same parameters afterwards. What inner optimizers keep stays with their ranks.
package final class OuterStep {
  let optimizer: Optimizer
  private let group: any Communicator
  private let model: Model
  private let average: ParameterAverage?
  /// The parameters at the round's start.
  private let start: UnsafeMutableBufferPointer<Float>
  private let way: UnsafeMutableBufferPointer<Float>
  private let sums: RoundSums
  // How ways travel that are rounded.
  private let rounded: CompressedSum?
  private let quantized: QuantizedSum?
  private let frozen: FrozenParameters
  /// Steps of the round so far.
  private var steps = 0
  private var hasMoved = false
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
    let (count, momentum) = (model.layout.count, settings.outerMomentum)
    optimizer = Optimizer(
      OptimizerSpecification(
        .sgd(momentum: momentum, nesterov: momentum > 0), learningRate: settings.outerLearningRate),
      count: count, trained: frozen.trained(of: 0..<count), tensors: nil, kernels: model.kernels)
    start = .allocate(capacity: count)
    way = .allocate(capacity: count)
    start.initialize(repeating: 0)
    way.initialize(repeating: 0)
    sums = RoundSums(ranks: group.size)
    rounded = settings.compress == .bf16 && group.size > 1 ? CompressedSum(group, count: count) : nil
    quantized = settings.compress.bits.map { QuantizedSum(group, count: count, bits: $0) }
  }

  deinit {
    start.deallocate()
    way.deallocate()
    sums.deallocate()
  }

  /// Seconds of each rank's round, after its end.
  var seconds: UnsafeMutableBufferPointer<Double> { sums.seconds }

  /// A step of this rank begins, the round's first or another one.
  func begin() {
    guard steps == 0 else { return }
    _ = start.update(fromContentsOf: model.parameters)
    sums.reset()
    (hasMoved, ownSeconds) = (false, 0)
  }

  /// Takes note of this rank's own step; nil where it had no samples.
  func add(_ outcome: StepOutcome?) {
    steps += 1
    guard let outcome else { return }
    var counts = sums.counts
    switch outcome.result {
    case .updated:
      hasMoved = true
      counts.losses.loss += outcome.lossSum
      counts.losses.weight += outcome.weight
      counts.losses.right += outcome.right
      counts.losses.counted += outcome.counted
    case .notFinite: counts.notFinite += 1
    case .weightless: counts.weightless += 1
    }
    sums.counts = counts
  }

  /// Ends the round: all ranks call it after equally many steps.
  /// - stop, save: what this rank asks all for.
  func finish(stop: Bool, save: Bool) throws -> StepOutcome {
    for i in way.indices { way[i] = start[i] - model.parameters[i] }
    var counts = sums.counts
    (counts.stop, counts.save, counts.moved) = (stop ? 1 : 0, save ? 1 : 0, hasMoved ? 1 : 0)
    sums.counts = counts
    sums.seconds[group.rank] = ownSeconds
    try sum()
    defer { steps = 0 }
    let outcome = take(sums.counts)
    if outcome.result == .updated { quantized?.commit() }
    return outcome
  }

  private func sum() throws {
    if let rounded {
      try rounded.reduceScatter(way)
      try rounded.allGather(way)
    } else if let quantized, group.size > 1 {
      try quantized.sum(way)
    } else {
      return try group.allReduceSum(way, sums.all)
    }
    try group.allReduceSum(sums.all)
  }

  /// What this rank's rounding has taken away, for the next time.
  var errors: [RankStates.OwnBuffer] {
    quantized.map { [.init(name: "outer.error", values: $0.error, isShare: true)] } ?? []
  }

  /// What all ranks have alike, with what a checkpoint puts before the parameters' names.
  var shared: [(prefix: String, values: UnsafeMutableBufferPointer<Float>)] {
    optimizer.buffers.map { ("optimizer.outer.\($0.name).", $0.values) }
      + (quantized.map { [("optimizer.outer.sum_error.", $0.sumError)] } ?? [])
  }

  /// Brings to the first rank what is there in parts.
  func gather() throws { try quantized?.gatherErrors() }

  /// - counts: of all ranks.
  private func take(_ counts: RoundSums.Counts) -> StepOutcome {
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
    _ = model.parameters.update(fromContentsOf: start)
    if outcome.result == .updated { average?.update(model.parameters, isFirst: optimizer.steps == 1) }
    model.parametersChanged()
    return outcome
  }
}

extension DistributedSpecification.Compression {
  /// Of a whole number that a value travels as; nil for other ways.
  fileprivate var bits: Int? {
    switch self {
    case .int8: 8
    case .int4: 4
    case .none, .bf16, .powersgd, .topk: nil
    }
  }
}
