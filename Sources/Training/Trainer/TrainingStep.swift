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

  let model: Model
  let loss: Loss
  let optimizer: Optimizer
  let communicator: any Communicator
  let seed: UInt64
  let clipNorm: Double?
  let clipValue: Float?
  let average: ParameterAverage?
  let accumulate: Int
  let set: any SampleSet
  let pipeline: BatchPipeline
  /// What the epoch's next step computes first, where there is one.
  var following: UnsafeBufferPointer<Int32>?
  /// Where the streams stand, for samples that are windows of streams.
  let states: StreamStates?
  let outputGradient: UnsafeMutableBufferPointer<Float>
  /// Computes in place of the model where there is one.
  var device: DeviceTraining?
  /// The sums of each part (see `Field`), then `Flag`s, then the seconds that each rank computed.
  let sums: UnsafeMutableBufferPointer<Double>
  let gradientSum: GradientSum
  let trace: Trace?
  /// How a strict run adds gradients; nil for a fast one.
  let lanes: LaneReduction?
  let laneCount: Int

  /// What is added up besides gradients, for each lane of a strict run, else once.
  enum Field {
    static let (loss, weight, right, counted) = (0, 1, 2, 3)
    static let count = 4
  }

  /// Added up over ranks.
  enum Flag {
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
    average: ParameterAverage?, communicator: any Communicator, trace: Trace?, gathersAhead: Bool
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
    pipeline =
      gathersAhead
      ? BatchPipeline(set, capacity: capacity) : BatchPipeline(set, capacity: capacity, worthwhile: .max)
    states = set.streams.map { StreamStates(model.architecture, streams: $0.count) }
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
      defer { choice = device.choice }
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

  subscript(flag flag: Int) -> Double {
    get { sums[laneCount * Field.count + flag] }
    set { sums[laneCount * Field.count + flag] = newValue }
  }

  /// The slowest one's lead is what the others waited.
  private func accountReduction(seconds: Double) {
    let own = computeSeconds[communicator.rank]
    wait = min((computeSeconds.max() ?? own) - own, seconds)
    communication = communicator.size > 1 ? seconds - wait : 0
  }

  /// Adds in one order for any number of ranks, or in the order that suits the network.
  private func reduce() throws {
    if let lanes {
      try lanes.sum()
      return try lanes.sum(sums, width: Field.count)
    }
    try gradientSum.sum(sums) { self[flag: Flag.squares] = squares($0) }
  }
}
