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
  private let batch: BatchBuffer
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
    let parts = isStrict ? laneCount : communicator.size
    let part = equalPart(0, of: min(recipe.train.batchSize, set.count), among: parts).count
    let rows = model.architecture.outputRows(steps: set.shape.steps, batch: part)
    batch = BatchBuffer(set, capacity: part)
    states = (set as? any StreamedSet).map { StreamStates(model.architecture, streams: $0.streams) }
    outputGradient = .allocate(capacity: rows * model.architecture.outputSize)
  }

  deinit {
    outputGradient.deallocate()
    sums.deallocate()
  }

  /// - samples: the global batch; each rank takes its part of it, which may be empty.
  /// - stop, save: what this rank asks all for.
  func run(
    _ samples: UnsafeBufferPointer<Int32>, step: Int, learningRate: Double, stop: Bool, save: Bool
  ) throws -> Outcome {
    if let device {
      return try device.run(samples, step: step, learningRate: learningRate, stop: stop, save: save)
    }
    sums.update(repeating: 0)
    self[flag: Flag.stop] = stop ? 1 : 0
    self[flag: Flag.save] = save ? 1 : 0
    if let lanes {
      computeLanes(lanes, samples, step: step)
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
    compute(.init(rebasing: samples[part]), step: step, lane: 0, into: model.gradients)
  }

  /// Each lane of the batch by itself.
  private func computeLanes(_ lanes: LaneReduction, _ samples: UnsafeBufferPointer<Int32>, step: Int) {
    for lane in lanes.lanes {
      let part = equalPart(lane, of: samples.count, among: laneCount)
      compute(.init(rebasing: samples[part]), step: step, lane: lane, into: lanes.nextLane())
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
  private func compute(
    _ samples: UnsafeBufferPointer<Int32>, step: Int, lane: Int,
    into gradients: UnsafeMutableBufferPointer<Float>
  ) {
    let size = max(1, (samples.count + accumulate - 1) / accumulate)
    var start = 0
    while start < samples.count {
      let end = min(start + size, samples.count)
      let first = lane * Field.count
      gradientSum.isLastPart = end == samples.count
      computeMicroBatch(
        .init(rebasing: samples[start..<end]), step: step, into: gradients,
        .init(rebasing: sums[first..<first + Field.count]))
      start = end
    }
  }

  /// Forward, loss and backward of one micro-batch: adds to gradients and sums.
  private func computeMicroBatch(
    _ samples: UnsafeBufferPointer<Int32>, step: Int, into gradients: UnsafeMutableBufferPointer<Float>,
    _ sums: UnsafeMutableBufferPointer<Double>
  ) {
    communicator.progress?.enter(.forward, step: step + 1)
    let begin = trace == nil ? 0 : monotonicNanoseconds()
    batch.gather(samples)
    let outputs = model.forward(batch, mode: .training(seed: seed, step: UInt64(step)), states: states)
    let width = model.architecture.outputSize
    let rows = outputs.count / width
    let (base, gradient) = (outputs.baseAddress!, outputGradient.baseAddress!)
    let total = model.team.measure(.loss) {
      loss.evaluate(
        outputs: base, rows: rows, width: width, values: batch.values, classes: batch.classes,
        gradient: gradient, kernels: model.kernels)
    }
    let score = loss.score(
      outputs: base, rows: rows, width: width, values: batch.values, classes: batch.classes)
    communicator.progress?.enter(.backward, step: step + 1)
    let middle = trace == nil ? 0 : monotonicNanoseconds()
    model.backward(gradient, into: gradients)
    trace?.add(.forward, step: step + 1, from: begin, to: middle)
    trace?.add(.backward, step: step + 1, from: middle)
    sums[Field.loss] += total.sum
    sums[Field.weight] += total.weight
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
