import Batches
import Collective
import Diagnostics
import Kernels
import Recurrent

/// One optimizer step of all ranks together, as five calls: forward, loss and backward of what a rank computes, the sum over all ranks,
/// the update.
///
///     learner.begin()
///     try learner.forward(batch)
///     try learner.addLoss()
///     learner.backward()
///     try learner.sum()
///     let outcome = try learner.update()
///
/// Losses and gradients are sums; they are divided once, in `update`, so that any number of ranks takes the same step. Allocates
/// nothing once it has seen the largest batch.
public final class Learner {
  public let model: Model
  public let loss: Loss
  public let optimizer: Optimizer
  /// The ranks that train.
  public var group: ProcessGroup { ProcessGroup(communicator) }
  package let communicator: any Communicator
  /// What a strict run adds its gradients up with; nil for a fast one.
  let lanes: LaneReduction?
  let gradientSum: GradientSum
  package let average: ParameterAverage?
  let sums: StepSums
  private let frozen: FrozenParameters
  private let limits: GradientLimits
  let seed: UInt64
  /// What the last forward gave, of a program's own batch; no outputs yet where its last layer is left to the loss.
  var last: (outputs: UnsafeMutableBufferPointer<Float>?, batch: Batch)?
  /// Of such a batch, whether the loss was asked for and not yet computed.
  var owesLoss = false
  /// Of the outputs.
  private(set) var gradient = UnsafeMutableBufferPointer<Float>.allocate(capacity: 0)

  init(
    _ model: Model, loss: Loss, optimizer: Optimizer, gradientSum: GradientSum, lanes: LaneReduction? = nil,
    average: ParameterAverage? = nil, frozen: FrozenParameters = .none, limits: GradientLimits, seed: UInt64,
    communicator: any Communicator
  ) {
    self.model = model
    self.loss = loss
    self.optimizer = optimizer
    self.gradientSum = gradientSum
    self.lanes = lanes
    self.average = average
    self.frozen = frozen
    self.limits = limits
    self.seed = seed
    self.communicator = communicator
    sums = StepSums(parts: lanes?.laneCount ?? 1, ranks: communicator.size)
    model.firstTrained = frozen.end
    model.gradientsAreFinal = { gradientSum.isFinal(from: $0) }
  }

  deinit { gradient.deallocate() }

  /// Takes memory for the gradient of so many rows of outputs.
  func reserve(rows: Int) {
    let count = rows * model.network.outputSize
    guard gradient.count < count else { return }
    gradient.deallocate()
    gradient = .allocate(capacity: count)
  }

  /// Nothing is added up yet.
  public func begin() {
    sums.reset()
    owesLoss = false
    // Lanes of a strict run are begun one by one.
    guard lanes == nil else { return }
    model.zeroGradients()
    gradientSum.begin()
  }

  /// - step: from 0; with the seed and the samples' numbers it keys the dropout masks.
  /// - Returns: `[rows, outputSize]`, valid until the next call.
  func forward(_ batch: Batch, step: Int, states: StreamStates?) -> UnsafeMutableBufferPointer<Float> {
    let outputs = model.forward(batch, mode: .training(seed: seed, step: UInt64(step)), states: states)
    reserve(rows: outputs.count / model.network.outputSize)
    return outputs
  }

  /// Adds the loss of all rows of the outputs, and keeps its gradient.
  func addLoss(_ outputs: UnsafeMutableBufferPointer<Float>, _ batch: Batch) {
    addLoss(outputs, batch, rows: 0..<outputs.count / model.network.outputSize, to: 0)
  }

  /// - part: of the sums, where each lane has its own.
  func addLoss(
    _ outputs: UnsafeMutableBufferPointer<Float>, _ batch: Batch, rows: Range<Int>, to part: Int
  ) {
    let (width, start) = (model.network.outputSize, rows.lowerBound)
    let (base, targets) = (outputs.baseAddress! + start * width, batch.targets(from: start))
    var sums = sums.parts[part]
    let total = loss.evaluate(
      outputs: base, rows: rows.count, width: width, targets: targets,
      gradient: gradient.baseAddress! + start * width, kernels: model.kernels,
      addingTo: Loss.Total(sum: sums.loss, weight: sums.weight))
    let score = loss.score(outputs: base, rows: rows.count, width: width, targets: targets)
    (sums.loss, sums.weight) = (total.sum, total.weight)
    sums.right += score.right
    sums.counted += score.counted
    self.sums.parts[part] = sums
  }

  /// - target: another buffer that gets them instead of the model's.
  func backward(into target: UnsafeMutableBufferPointer<Float>?) {
    model.backward(UnsafePointer(gradient.baseAddress!), into: target)
  }
  func backward(_ lanes: Lanes) { model.backward(UnsafePointer(gradient.baseAddress!), lanes: lanes) }

  /// Adds up over all ranks, in one order for any number of them (strict), or in the order that suits the network.
  public func sum() throws {
    settleLoss()
    if let lanes {
      try lanes.sum()
      frozen.clear(model.gradients)
      return try lanes.sum(sums.all, width: LossSums.fields)
    }
    gradientSum.batch.ownWeight = sums.total.weight
    try gradientSum.sum(sums.all) { slice in
      frozen.clear(model.gradients)
      sums.requests.squares = squares(slice)
    }
    frozen.clear(model.gradients)
  }

  /// Divides, clips, decides and changes the parameters; on sums only, so that all ranks do the same.
  /// - learningRate: the optimizer's own if not given.
  public func update(learningRate: Double? = nil) throws -> StepOutcome {
    let learningRate = learningRate ?? optimizer.specification.learningRate
    let (total, requests) = (sums.total, sums.requests)
    var outcome = StepOutcome(.updated, stop: requests.stop > 0, save: requests.save > 0)
    let slice = gradientSum.slice
    let squares = gradientSum.isSharded ? requests.squares : squares(slice)
    guard total.loss.isFinite, total.weight.isFinite, squares.isFinite else {
      outcome.result = .notFinite
      return outcome
    }
    guard total.weight > 0 else {
      outcome.result = .weightless
      return outcome
    }
    let norm = squares.squareRoot() / total.weight
    let clip = limits.norm.map { min(1, $0 / (norm + 1e-6)) } ?? 1
    try change(slice, scale: Float(clip / total.weight), learningRate)
    gradientSum.commit()
    (outcome.lossSum, outcome.weight) = (total.loss, total.weight)
    (outcome.right, outcome.counted) = (total.right, total.counted)
    outcome.gradientNorm = norm
    return outcome
  }

  private func change(_ slice: Range<Int>, scale: Float, _ learningRate: Double) throws {
    var scale = scale
    let gradients = UnsafeMutableBufferPointer(rebasing: model.gradients[slice])
    if let value = limits.value {
      gradients.scale(by: scale, limitedTo: value)
      scale = 1
    }
    try optimizer.update(
      .init(rebasing: model.parameters[slice]), gradients: gradients, scale: scale,
      learningRate: learningRate, team: model.team
    ) { try gradientSum.addNorms($0) }
    try gradientSum.share(model.parameters)
    average?.update(model.parameters, isFirst: optimizer.steps == 1)
    model.parametersChanged()
  }

  private func squares(_ range: Range<Int>) -> Double {
    model.kernels.functions.sum_of_squares(model.gradients.baseAddress! + range.lowerBound, range.count)
  }
}
