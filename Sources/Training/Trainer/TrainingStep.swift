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
    /// Of the mean gradient, before clipping.
    var gradientNorm = 0.0
  }

  private let model: Model
  private let loss: Loss
  private let optimizer: Optimizer
  private let communicator: any Communicator
  private let steps: Int
  private let seed: UInt64
  private let clipNorm: Double?
  private let accumulate: Int
  private let batch: BatchBuffer
  private let outputGradient: UnsafeMutableBufferPointer<Float>
  /// The sums of each part (see `Field`), then whether a stop is wanted.
  private let sums: UnsafeMutableBufferPointer<Double>
  /// How a strict run adds gradients; nil for a fast one.
  private let lanes: LaneReduction?
  private let laneCount: Int

  /// What is added up besides gradients, for each lane of a strict run, else once.
  private enum Field {
    static let (loss, weight, right, counted) = (0, 1, 2, 3)
    static let count = 4
  }

  init(
    model: Model, optimizer: Optimizer, recipe: Recipe, set: any SampleSet, communicator: any Communicator
  ) {
    self.model = model
    self.optimizer = optimizer
    self.communicator = communicator
    loss = recipe.loss
    steps = set.shape.steps
    seed = recipe.seed
    clipNorm = recipe.train.clipNorm
    accumulate = recipe.train.accumulate
    let isStrict = recipe.distributed.reduction == .strict
    laneCount = isStrict ? recipe.distributed.lanes : 1
    lanes =
      isStrict ? LaneReduction(communicator, into: model.gradients, lanes: recipe.distributed.lanes) : nil
    sums = .allocate(capacity: laneCount * Field.count + 1)
    let parts = isStrict ? laneCount : communicator.size
    let part = equalPart(0, of: min(recipe.train.batchSize, set.count), among: parts).count
    let rows = model.architecture.outputRows(steps: set.shape.steps, batch: part)
    batch = BatchBuffer(set, capacity: part)
    outputGradient = .allocate(capacity: rows * model.architecture.outputSize)
  }

  deinit {
    outputGradient.deallocate()
    sums.deallocate()
  }

  /// - samples: the global batch; each rank takes its part of it, which may be empty.
  func run(_ samples: UnsafeBufferPointer<Int32>, step: Int, learningRate: Double, stop: Bool) throws
    -> Outcome
  {
    sums.update(repeating: 0)
    sums[laneCount * Field.count] = stop ? 1 : 0
    if let lanes {
      try sumLanes(lanes, samples, step: step)
    } else {
      try sumParts(samples, step: step)
    }
    communicator.progress?.enter(.optimizer, step: step + 1)
    return apply(learningRate)
  }

  /// One part of the batch on each rank, added in the order that suits the network.
  private func sumParts(_ samples: UnsafeBufferPointer<Int32>, step: Int) throws {
    model.zeroGradients()
    let part = equalPart(communicator.rank, of: samples.count, among: communicator.size)
    compute(.init(rebasing: samples[part]), step: step, lane: 0, into: model.gradients)
    guard communicator.size > 1 else { return }
    try communicator.allReduceSum(model.gradients)
    try communicator.allReduceSum(sums)
  }

  /// Each lane of the batch by itself, added in one order for any number of ranks.
  private func sumLanes(_ lanes: LaneReduction, _ samples: UnsafeBufferPointer<Int32>, step: Int) throws {
    for lane in lanes.lanes {
      let part = equalPart(lane, of: samples.count, among: laneCount)
      compute(.init(rebasing: samples[part]), step: step, lane: lane, into: lanes.nextLane())
      lanes.finishLane()
    }
    try lanes.sum()
    try lanes.sum(sums, width: Field.count)
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
    batch.gather(samples)
    let outputs = model.forward(
      inputs: batch.inputs, samples: samples.baseAddress!, steps: steps, batch: samples.count,
      mode: .training(seed: seed, step: UInt64(step)))
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
    model.backward(gradient, into: gradients)
    sums[Field.loss] += total.sum
    sums[Field.weight] += total.weight
    sums[Field.right] += Double(score.right)
    sums[Field.counted] += Double(score.counted)
  }

  /// Decides on reduced values only, so that all ranks do the same.
  private func apply(_ learningRate: Double) -> Outcome {
    var outcome = Outcome(result: .updated, stop: sums[laneCount * Field.count] > 0)
    let gradients = model.gradients
    let (loss, weight) = (sums[Field.loss], sums[Field.weight])
    let squares = model.kernels.functions.sum_of_squares(gradients.baseAddress!, gradients.count)
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
    optimizer.update(
      model.parameters, gradients: gradients, scale: Float(clip / weight), learningRate: learningRate,
      team: model.team)
    model.parametersChanged()
    outcome.lossSum = loss
    outcome.weight = weight
    outcome.right = sums[Field.right]
    outcome.counted = sums[Field.counted]
    outcome.gradientNorm = norm
    return outcome
  }
}
