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
  /// Computes in place of the model where there is one.
  var device: DeviceTraining?
  private let sums = UnsafeMutableBufferPointer<Double>.allocate(capacity: 5)

  /// - part: the most samples this rank gets in a step.
  init(
    model: Model, optimizer: Optimizer, recipe: Recipe, set: any SampleSet, part: Int,
    communicator: any Communicator
  ) {
    self.model = model
    self.optimizer = optimizer
    self.communicator = communicator
    loss = recipe.loss
    steps = set.shape.steps
    seed = recipe.seed
    clipNorm = recipe.train.clipNorm
    accumulate = recipe.train.accumulate
    let rows = model.architecture.outputRows(steps: set.shape.steps, batch: part)
    batch = BatchBuffer(set, capacity: part)
    outputGradient = .allocate(capacity: rows * model.architecture.outputSize)
  }

  deinit {
    outputGradient.deallocate()
    sums.deallocate()
  }

  /// - samples: this rank's part of the global batch; may be empty.
  func run(_ samples: UnsafeBufferPointer<Int32>, step: Int, learningRate: Double, stop: Bool) throws
    -> Outcome
  {
    if let device {
      return try device.run(samples, step: step, learningRate: learningRate, stop: stop)
    }
    model.zeroGradients()
    sums.update(repeating: 0)
    sums[4] = stop ? 1 : 0
    let size = max(1, (samples.count + accumulate - 1) / accumulate)
    var start = 0
    while start < samples.count {
      let end = min(start + size, samples.count)
      compute(UnsafeBufferPointer(rebasing: samples[start..<end]), step: step)
      start = end
    }
    if communicator.size > 1 {
      try communicator.allReduceSum(model.gradients)
      try communicator.allReduceSum(sums)
    }
    return apply(learningRate)
  }

  /// Forward, loss and backward of one micro-batch: adds to gradients and sums.
  private func compute(_ samples: UnsafeBufferPointer<Int32>, step: Int) {
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
    model.backward(gradient)
    sums[0] += total.sum
    sums[1] += total.weight
    sums[2] += Double(score.right)
    sums[3] += Double(score.counted)
  }

  /// Decides on reduced values only, so that all ranks do the same.
  private func apply(_ learningRate: Double) -> Outcome {
    var outcome = Outcome(result: .updated, stop: sums[4] > 0)
    let gradients = model.gradients
    let weight = sums[1]
    let squares = model.kernels.functions.sum_of_squares(gradients.baseAddress!, gradients.count)
    guard sums[0].isFinite, weight.isFinite, squares.isFinite else {
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
    outcome.lossSum = sums[0]
    outcome.weight = weight
    outcome.right = sums[2]
    outcome.counted = sums[3]
    outcome.gradientNorm = norm
    return outcome
  }
}
