import CUDA
import Kernels
import Recur

/// Runs one bench case: a model, an optimizer and a batch of random numbers on each rank, straight from the library.
final class StepTimer {
  private let benchCase: BenchCase
  private let threads: Int
  private let group: any Communicator
  private let model: Model
  private let optimizer: Optimizer
  /// Of fast runs.
  private let reduction: GradientReduction?
  private let clock = ContinuousClock()
  private let batch: Batch
  private var gradient: [Float]
  /// Loss and weight, then of all ranks.
  private var totals = [0.0, 0.0]
  /// Whether this rank's steps add nothing, to be compared with.
  private var isAlone = false
  /// How gradients are added with `--reduction strict`.
  private let lanes: LaneReduction?
  /// Takes the steps in place of the model where there is one.
  private let device: DeviceSteps?
  /// What adds the gradients.
  var sumEngine: SumEngine { reduction?.engine ?? .own }
  /// Who computes the products of the model, as a run would have it.
  let products: ProductAgreement?

  /// - executor: a device to time instead of the processor, for one rank.
  init(
    _ benchCase: BenchCase, _ kernels: KernelSet, threads: Int, _ group: any Communicator,
    executor: (any Executor)? = nil, engine: Engine? = nil, strictLanes: Int? = nil
  ) throws {
    self.benchCase = benchCase
    self.threads = threads
    self.group = group
    let network = benchCase.network
    let rows = network.readsEveryStep ? benchCase.rows : benchCase.batch
    model = try Model(network, seed: 0, kernels: kernels, threads: threads)
    optimizer = Optimizer(OptimizerSpecification(.adam()), count: model.parameters.count)
    reduction =
      strictLanes == nil
      ? GradientReduction(group, model.gradients, boundaries: model.layout.boundaries) : nil
    if let reduction, !group.isSolo {
      reduction.engine = try SumAgreement(
        group, count: model.gradients.count, saved: nil, isResuming: false,
        mode: group.together { try SumMode.fromEnvironment() }
      ).engine
    }
    model.gradientsAreFinal = { [reduction] in reduction?.isFinal(from: $0) }
    batch = benchCase.makeBatch()
    gradient = model.joins(benchCase.loss) ? [] : [Float](repeating: 0, count: rows * network.outputSize)
    lanes = strictLanes.map { [model] in LaneReduction(group, into: model.gradients, lanes: $0) }
    let data = DeviceSteps.Data(batch: batch, model: model, optimizer: optimizer)
    device = try executor.map { try DeviceSteps(benchCase, data, $0, engine) }
    products =
      executor == nil && strictLanes == nil && !kernels.isBF16
      ? try ProductAgreement(model, rows: benchCase.rows, sequences: benchCase.batch, group) : nil
  }

  /// Steps for about `seconds`, five at least, after three that are not counted.
  /// - profiled: measure the parts of a step too.
  /// - peers: other libraries that are timed in turns with it.
  func measure(seconds: Double, profiled: Bool = false, _ peers: PeerOptions = PeerOptions()) throws
    -> BenchResult
  {
    for _ in 0..<3 { _ = try step() }
    while reduction?.isTrying == true { _ = try step() }
    let others = try peers.start(
      benchCase, .training, threads: threads, parameters: model.layout.count, model: nil)
    let profile = profiled ? StepProfile() : nil
    model.team.profile = profile
    let times = try peers.measure(others, seconds: seconds) { try self.times(seconds: $0) }
    model.team.profile = nil
    let alone = try self.alone(seconds: seconds / 4)
    let all = Array(times.own.joined())
    let milliseconds = StepMilliseconds(all)
    let ranks = Double(group.size)
    return BenchResult(
      name: benchCase.name, ranks: group.size, threads: threads, milliseconds: milliseconds,
      gflops: ranks * benchCase.operations / milliseconds.median / 1e6,
      samplesPerSecond: ranks * Double(benchCase.batch) / milliseconds.median * 1e3,
      efficiency: alone.map { $0 / milliseconds.median }, timeSteps: benchCase.rows, steps: all.count,
      engine: device?.choice.engine.rawValue,
      engineMilliseconds: device.map { device in
        Dictionary(uniqueKeysWithValues: device.choice.milliseconds.map { ($0.key.rawValue, $0.value) })
      },
      profile: profile?.results(
        steps: Double(all.count), milliseconds: all.reduce(0, +) / Double(all.count)),
      products: profiled ? products.map(ProductResult.init) : nil,
      peers: others.isEmpty ? nil : times.peers)
  }

  /// Milliseconds of steps for about `seconds`, five at least.
  private func times(seconds: Double) throws -> [Double] {
    var times: [Double] = []
    times.reserveCapacity(200_000)
    let end = clock.now + .seconds(seconds)
    var next = 1
    while next > 0 {
      for _ in 0..<next {
        var taken = 1
        let time = try clock.measure { taken = try step() }
        times.append(time / .milliseconds(1) / Double(taken))
      }
      next = try agreed(stepsUntil(end, done: times.count, now: clock.now))
    }
    return times
  }

  /// Milliseconds of a step of one rank without a sum, while the others wait: the median; nil where ranks add nothing, or in
  /// another way than they do in this step.
  private func alone(seconds: Double) throws -> Double? {
    guard !group.isSolo, device == nil, lanes == nil else { return nil }
    var median = [0.0]
    if group.rank == 0 {
      isAlone = true
      let finals = model.gradientsAreFinal
      model.gradientsAreFinal = { _ in }
      defer { (isAlone, model.gradientsAreFinal) = (false, finals) }
      var times: [Duration] = []
      let end = clock.now + .seconds(seconds)
      while times.count < 5 || clock.now < end { times.append(try clock.measure { _ = try step() }) }
      median[0] = times.sorted()[times.count / 2] / .milliseconds(1)
    }
    try median.withUnsafeMutableBufferPointer { try group.allReduceSum($0) }
    return median[0]
  }

  /// How many more steps to take before looking at the clock again. Alone it is looked at after each.
  private func stepsUntil(_ end: ContinuousClock.Instant, done: Int, now: ContinuousClock.Instant) -> Int {
    if done < 5 { return 1 }
    if now >= end { return 0 }
    return group.isSolo ? 1 : min(64, done)
  }

  /// Rank 0's number on every rank: all take the same number of steps.
  private func agreed(_ count: Int) throws -> Int {
    guard !group.isSolo else { return count }
    var counts = [group.rank == 0 ? Double(count) : 0]
    try counts.withUnsafeMutableBufferPointer { try group.allReduceSum($0) }
    return Int(counts[0])
  }

  /// Takes a step, or several where a device does them at once; gives their number.
  private func step() throws -> Int {
    if let device { return try device.step() }
    let begin = reduction?.isTrying == true ? clock.now : nil
    if lanes == nil { model.zeroGradients() }
    if !isAlone { reduction?.begin() }
    try compute()
    model.parametersChanged()
    if let begin { _ = try reduction?.stepEnded(seconds: (clock.now - begin) / .seconds(1)) }
    return 1
  }

  private func compute() throws {
    let mode = Model.Mode.training(seed: 0, step: UInt64(optimizer.steps))
    let total = try model.joins(benchCase.loss) ? computeJoined(mode) : computeApart(mode)
    totals = [total.sum, total.weight]
    if !isAlone { try sum() }
    optimizer.update(
      model.parameters, gradients: model.gradients, scale: Float(1 / totals[1]), learningRate: 1e-3,
      team: model.team)
  }

  private func sum() throws {
    try totals.withUnsafeMutableBufferPointer {
      if let reduction { try reduction.sum($0) } else { try group.allReduceSum($0) }
    }
  }
}

extension StepTimer {
  /// Forward, loss, backward.
  private func computeApart(_ mode: Model.Mode) throws -> Loss.Total {
    let width = benchCase.network.outputSize
    let outputs = model.forward(batch, mode: mode)
    let total = model.team.measure(.loss) {
      benchCase.loss.evaluate(
        outputs: UnsafePointer(outputs.baseAddress!), rows: outputs.count / width, width: width,
        targets: batch.targets(), gradient: &gradient, kernels: model.kernels)
    }
    if let lanes {
      model.backward(gradient, lanes: parts(lanes))
      try lanes.sum()
    } else {
      model.backward(gradient)
    }
    return total
  }

  /// The same where the last layer is computed with its loss.
  private func computeJoined(_ mode: Model.Mode) throws -> Loss.Total {
    model.forwardBelowLoss(batch, mode: mode)
    var total = Loss.Total()
    if let lanes {
      model.backward(benchCase.loss, batch.targets(), lanes: parts(lanes)) { $1.add(to: &total) }
      try lanes.sum()
    } else {
      model.backward(benchCase.loss, batch.targets()) { $0.add(to: &total) }
    }
    return total
  }

  /// Each rank's batch is its part of a global one.
  private func parts(_ lanes: LaneReduction) -> Lanes {
    let sequences = equalParts(of: benchCase.batch, among: lanes.lanes.count)
    return Lanes(sequences, first: lanes.lanes.lowerBound, sums: lanes)
  }
}
