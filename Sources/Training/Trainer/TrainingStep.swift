import Collective
import Dataset
import Recurrent

/// One optimizer step of all ranks together. Allocates nothing after its first run.
final class TrainingStep {
  /// What all ranks know after a step.
  struct Outcome {
    enum Result { case updated, notFinite, weightless }
    var result: Result
    /// Over all ranks; zero where the step was not taken.
    var lossSum = 0.0
    var weight = 0.0
    var right = 0.0
    var counted = 0.0
    var stop = false
    /// Whether the first rank asks for a checkpoint.
    var save = false
    /// Of the mean gradient, before clipping.
    var gradientNorm = 0.0
  }

  private let model: Model
  private let loss: Loss
  private let optimizer: Optimizer
  private let communicator: any Communicator
  private let seed: UInt64
  private let clipNorm: Double?
  private let clipValue: Float?
  private let average: ParameterAverage?
  private let accumulate: Int
  private let set: any SampleSet
  private let pipeline: BatchPipeline
  /// What the epoch's next step computes first, where there is one.
  private var following: UnsafeBufferPointer<Int32>?
  /// Where the streams stand, for samples that are windows of streams.
  let states: StreamStates?
  private let outputGradient: UnsafeMutableBufferPointer<Float>
  /// Computes in place of the model where there is one.
  var device: DeviceTraining?
  /// The sums of each part (see `Field`), then `Flag`s, then the seconds that each rank computed.
  private let sums: UnsafeMutableBufferPointer<Double>
  private let gradientSum: GradientSum
  private let trace: Trace?
  /// How a strict run adds gradients; nil for a fast one.
  private let lanes: LaneReduction?
  private let laneCount: Int

  /// What is added up besides gradients, for each lane of a strict run, else once.
  private enum Field {
    static let (loss, weight, right, counted) = (0, 1, 2, 3)
    static let count = 4
  }

  /// Added up over ranks.
  private enum Flag {
    static let (stop, save, squares) = (0, 1, 2)
    static let count = 3
  }

  /// Of the last step: seconds that each rank took from the reduction before to this one, and this rank's in it.
  var computeSeconds: UnsafeMutableBufferPointer<Double> {
    .init(rebasing: sums[(laneCount * Field.count + Flag.count)...])
  }
  /// When all ranks were last together: what each one does from then on makes the others wait.
  private var together = monotonicNanoseconds()
  /// How gradients are summed, after the step that decided it.
  private(set) var choice: GradientReduction.Choice?
  private(set) var wait = 0.0
  private(set) var communication = 0.0

  init(
    model: Model, optimizer: Optimizer, gradientSum: GradientSum, recipe: Recipe, set: any SampleSet,
    average: ParameterAverage?, communicator: any Communicator, trace: Trace?
  ) {
    self.model = model
    self.gradientSum = gradientSum
    self.trace = trace
    self.optimizer = optimizer
    self.communicator = communicator
    model.gradientsAreFinal = { gradientSum.isFinal(from: $0) }
    loss = recipe.loss
    seed = recipe.seed
    clipNorm = recipe.train.clipNorm
    clipValue = recipe.train.clipValue.map { Float($0) }
    self.average = average
    accumulate = recipe.train.accumulate
    let isStrict = recipe.distributed.reduction == .strict
    laneCount = isStrict ? recipe.distributed.lanes : 1
    lanes =
      isStrict ? LaneReduction(communicator, into: model.gradients, lanes: recipe.distributed.lanes) : nil
    sums = .allocate(capacity: laneCount * Field.count + Flag.count + communicator.size)
    self.set = set
    let full = min(recipe.train.batchSize, set.count)
    let part = equalPart(0, of: full, among: isStrict ? laneCount : communicator.size).count
    let own = lanes.map { equalParts(of: full, among: $0.laneCount)[$0.lanes].reduce(0) { $0 + $1.count } }
    let capacity = max(part, accumulate == 1 && model.cutsLanes ? own ?? 0 : 0)
    let rows = model.architecture.outputRows(steps: set.shape.steps, batch: capacity)
    pipeline = BatchPipeline(set, capacity: capacity)
    states = (set as? any StreamedSet).map { StreamStates(model.architecture, streams: $0.streams) }
    outputGradient = .allocate(capacity: rows * model.architecture.outputSize)
  }

  deinit {
    outputGradient.deallocate()
    sums.deallocate()
  }

  /// - samples: the global batch; each rank takes its part of it, which may be empty.
  /// - following: the epoch's next global batch; it may be gathered while this one is computed.
  /// - stop, save: what this rank asks all for.
  func run(
    _ samples: UnsafeBufferPointer<Int32>, following: UnsafeBufferPointer<Int32>? = nil, step: Int,
    learningRate: Double, stop: Bool, save: Bool
  ) throws -> Outcome {
    if let device {
      return try device.run(samples, step: step, learningRate: learningRate, stop: stop, save: save)
    }
    self.following = following.flatMap { firstMicroBatch(of: $0) }
    sums.update(repeating: 0)
    self[flag: Flag.stop] = stop ? 1 : 0
    self[flag: Flag.save] = save ? 1 : 0
    if let lanes {
      if walksTogether(samples) {
        computeTogether(lanes, samples, step: step)
      } else {
        computeLanes(lanes, samples, step: step)
      }
    } else {
      computePart(samples, step: step)
    }
    let (start, computed) = (together, monotonicNanoseconds())
    computeSeconds[communicator.rank] = Double(computed - together) / 1e9
    try reduce()
    let reduced = monotonicNanoseconds()
    together = reduced
    accountReduction(seconds: Double(reduced - computed) / 1e9)
    if let trace {
      trace.add(.reduction, step: step + 1, from: computed, to: reduced)
      for span in gradientSum.spans { trace.add(.bucket, step: step + 1, from: span.begin, to: span.end) }
    }
    communicator.progress?.enter(.optimizer, step: step + 1)
    let outcome = try apply(learningRate)
    trace?.add(.optimizer, step: step + 1, from: reduced)
    choice = try gradientSum.stepEnded(seconds: Double(reduced - start) / 1e9)
    return outcome
  }

  /// Notes that all ranks have just left a call together.
  func meet() { together = monotonicNanoseconds() }

  private subscript(flag flag: Int) -> Double {
    get { sums[laneCount * Field.count + flag] }
    set { sums[laneCount * Field.count + flag] = newValue }
  }

  /// The slowest one's lead is what the others waited.
  private func accountReduction(seconds: Double) {
    let own = computeSeconds[communicator.rank]
    wait = min((computeSeconds.max() ?? own) - own, seconds)
    communication = communicator.size > 1 ? seconds - wait : 0
  }

  /// The rows of a batch of this size that this rank computes.
  func ownRows(of count: Int) -> Range<Int> {
    guard let lanes = lanes?.lanes else {
      return equalPart(communicator.rank, of: count, among: communicator.size)
    }
    guard let first = lanes.first, let last = lanes.last else { return 0..<0 }
    return equalPart(first, of: count, among: laneCount)
      .lowerBound..<equalPart(last, of: count, among: laneCount).upperBound
  }

  /// One part of the batch on each rank.
  private func computePart(_ samples: UnsafeBufferPointer<Int32>, step: Int) {
    model.zeroGradients()
    gradientSum.begin()
    let part = equalPart(communicator.rank, of: samples.count, among: communicator.size)
    compute(.init(rebasing: samples[part]), then: following, step: step, lane: 0, into: model.gradients)
  }

  /// Whether a strict run computes the lanes of a rank as one batch and cuts only the sums over samples, which is as fast as a fast
  /// run; else each lane is a batch of its own. The same on all ranks, and for any number of them.
  private func walksTogether(_ samples: UnsafeBufferPointer<Int32>) -> Bool {
    guard accumulate == 1, model.cutsLanes else { return false }
    if set.shape.hasEqualLengths { return true }
    // Sorted by length, a lane's rows would not lie together.
    let length = set.length(of: Int(samples[0]))
    return samples.allSatisfy { set.length(of: Int($0)) == length }
  }

  /// The lanes of this rank as one batch.
  private func computeTogether(
    _ lanes: LaneReduction, _ samples: UnsafeBufferPointer<Int32>, step: Int
  ) {
    let own = ownRows(of: samples.count)
    let parts = lanes.lanes.map { lane -> Range<Int> in
      let part = equalPart(lane, of: samples.count, among: laneCount)
      return part.lowerBound - own.lowerBound..<part.upperBound - own.lowerBound
    }
    guard !own.isEmpty else {
      for _ in lanes.lanes {
        _ = lanes.nextLane()
        lanes.finishLane()
      }
      return
    }
    model.smallestLane = equalPart(laneCount - 1, of: samples.count, among: laneCount).count
    computeMicroBatch(
      .init(rebasing: samples[own]), then: following, step: step,
      .lanes(Lanes(parts, first: lanes.lanes.lowerBound, sums: lanes)))
  }

  /// Each lane of the batch by itself.
  private func computeLanes(_ lanes: LaneReduction, _ samples: UnsafeBufferPointer<Int32>, step: Int) {
    model.smallestLane = nil
    for lane in lanes.lanes {
      let part = equalPart(lane, of: samples.count, among: laneCount)
      let next =
        lane + 1 < lanes.lanes.upperBound
        ? firstMicroBatch(
          ofPart: .init(rebasing: samples[equalPart(lane + 1, of: samples.count, among: laneCount)]))
        : following
      compute(
        .init(rebasing: samples[part]), then: next, step: step, lane: lane, into: lanes.nextLane())
      lanes.finishLane()
    }
  }

  /// Adds in one order for any number of ranks, or in the order that suits the network.
  private func reduce() throws {
    if let lanes {
      try lanes.sum()
      return try lanes.sum(sums, width: Field.count)
    }
    try gradientSum.sum(sums) { self[flag: Flag.squares] = squares($0) }
  }

  private func squares(_ range: Range<Int>) -> Double {
    model.kernels.functions.sum_of_squares(model.gradients.baseAddress! + range.lowerBound, range.count)
  }

  /// One part of the batch, in as many micro-batches as asked for.
  /// - then: the micro-batch that comes after this part, where it is known.
  private func compute(
    _ samples: UnsafeBufferPointer<Int32>, then: UnsafeBufferPointer<Int32>?, step: Int, lane: Int,
    into gradients: UnsafeMutableBufferPointer<Float>
  ) {
    let size = microBatchSize(samples.count)
    var start = 0
    while start < samples.count {
      let end = min(start + size, samples.count)
      let next = end..<min(end + size, samples.count)
      gradientSum.isLastPart = end == samples.count
      computeMicroBatch(
        .init(rebasing: samples[start..<end]), then: next.isEmpty ? then : .init(rebasing: samples[next]),
        step: step, .buffer(gradients, lane: lane))
      start = end
    }
  }

  private func microBatchSize(_ count: Int) -> Int { max(1, (count + accumulate - 1) / accumulate) }

  private func firstMicroBatch(ofPart samples: UnsafeBufferPointer<Int32>) -> UnsafeBufferPointer<Int32>? {
    samples.isEmpty ? nil : .init(rebasing: samples[..<min(microBatchSize(samples.count), samples.count)])
  }

  /// What this rank computes first of a global batch.
  private func firstMicroBatch(of samples: UnsafeBufferPointer<Int32>) -> UnsafeBufferPointer<Int32>? {
    let own = ownRows(of: samples.count)
    if lanes != nil, walksTogether(samples) { return own.isEmpty ? nil : .init(rebasing: samples[own]) }
    guard let lanes else { return firstMicroBatch(ofPart: .init(rebasing: samples[own])) }
    guard let first = lanes.lanes.first else { return nil }
    return firstMicroBatch(
      ofPart: .init(rebasing: samples[equalPart(first, of: samples.count, among: laneCount)]))
  }

  private enum Target {
    case buffer(UnsafeMutableBufferPointer<Float>, lane: Int)
    case lanes(Lanes)
  }

  /// Forward, loss and backward of one micro-batch: adds to gradients and sums.
  private func computeMicroBatch(
    _ samples: UnsafeBufferPointer<Int32>, then: UnsafeBufferPointer<Int32>?, step: Int, _ target: Target
  ) {
    communicator.progress?.enter(.forward, step: step + 1)
    let begin = trace == nil ? 0 : monotonicNanoseconds()
    let batch = pipeline.next(samples, following: then)
    let outputs = model.forward(batch, mode: .training(seed: seed, step: UInt64(step)), states: states)
    model.team.measure(.loss) {
      switch target {
      case .buffer(_, let lane):
        addLoss(outputs, batch, rows: 0..<outputs.count / model.architecture.outputSize, lane: lane)
      case .lanes(let lanes):
        for (index, sequences) in lanes.sequences.enumerated() {
          model.forEachOutputRows(of: sequences) {
            addLoss(outputs, batch, rows: $0, lane: lanes.first + index)
          }
        }
      }
    }
    communicator.progress?.enter(.backward, step: step + 1)
    let middle = trace == nil ? 0 : monotonicNanoseconds()
    let gradient = UnsafePointer(outputGradient.baseAddress!)
    switch target {
    case .buffer(let gradients, _): model.backward(gradient, into: gradients)
    case .lanes(let lanes): model.backward(gradient, lanes: lanes)
    }
    trace?.add(.forward, step: step + 1, from: begin, to: middle)
    trace?.add(.backward, step: step + 1, from: middle)
  }

  /// The loss of some rows and its gradient: adds to the sums of a lane, row by row.
  private func addLoss(
    _ outputs: UnsafeMutableBufferPointer<Float>, _ batch: BatchBuffer, rows: Range<Int>, lane: Int
  ) {
    let sums = UnsafeMutableBufferPointer(rebasing: sums[lane * Field.count..<(lane + 1) * Field.count])
    let width = model.architecture.outputSize
    let start = rows.lowerBound
    let (base, classes) = (outputs.baseAddress! + start * width, batch.classes + start)
    let values = batch.values + start * width
    let total = loss.evaluate(
      outputs: base, rows: rows.count, width: width, values: values, classes: classes,
      gradient: outputGradient.baseAddress! + start * width, kernels: model.kernels,
      addingTo: Loss.Total(sum: sums[Field.loss], weight: sums[Field.weight]))
    let score = loss.score(
      outputs: base, rows: rows.count, width: width, values: values, classes: classes)
    (sums[Field.loss], sums[Field.weight]) = (total.sum, total.weight)
    sums[Field.right] += Double(score.right)
    sums[Field.counted] += Double(score.counted)
  }

  /// Decides on reduced values only, so that all ranks do the same.
  private func apply(_ learningRate: Double) throws -> Outcome {
    var outcome = Outcome(result: .updated, stop: self[flag: Flag.stop] > 0, save: self[flag: Flag.save] > 0)
    let slice = gradientSum.slice
    let (loss, weight) = (sums[Field.loss], sums[Field.weight])
    let squares = gradientSum.isSharded ? self[flag: Flag.squares] : squares(slice)
    guard loss.isFinite, weight.isFinite, squares.isFinite else {
      outcome.result = .notFinite
      return outcome
    }
    guard weight > 0 else {
      outcome.result = .weightless
      return outcome
    }
    let norm = squares.squareRoot() / weight
    let clip = clipNorm.map { min(1, $0 / (norm + 1e-6)) } ?? 1
    var scale = Float(clip / weight)
    let gradients = UnsafeMutableBufferPointer(rebasing: model.gradients[slice])
    if let clipValue {
      gradients.scale(by: scale, limitedTo: clipValue)
      scale = 1
    }
    optimizer.update(
      .init(rebasing: model.parameters[slice]), gradients: gradients, scale: scale,
      learningRate: learningRate,
      team: model.team)
    try gradientSum.share(model.parameters)
    average?.update(model.parameters, isFirst: optimizer.steps == 1)
    model.parametersChanged()
    outcome.lossSum = loss
    outcome.weight = weight
    outcome.right = sums[Field.right]
    outcome.counted = sums[Field.counted]
    outcome.gradientNorm = norm
    return outcome
  }
}

extension LaneReduction: LaneSums {}
