import Batches
import Collective
import Diagnostics
import Kernels
import Recurrent

/// Whole steps for programs that make their own batches.
extension Learner {
  /// Prepares the steps of a model.
  /// - Parameters:
  ///   - optimizer: with its learning rate.
  ///   - group: the processes that train together, each with its own part of every batch; all call `step` equally often.
  ///   - clipNorm: limit of the mean gradient's norm.
  ///   - seed: of dropout masks.
  public convenience init(
    _ model: Model, loss: Loss = .mse, optimizer: OptimizerSpecification = .adam(),
    group: ProcessGroup = ProcessGroup(), clipNorm: Double? = nil, seed: UInt64 = 0
  ) {
    let communicator = group.communicator
    let sum = GradientSum(
      DistributedSpecification(), model.gradients, boundaries: model.layout.boundaries, group: communicator)
    self.init(
      model, loss: loss, optimizer: Optimizer(optimizer, count: model.layout.count, kernels: model.kernels),
      gradientSum: sum, limits: GradientLimits(norm: clipNorm), seed: seed, communicator: communicator)
  }

  /// Forward, loss, backward, sum over all ranks, update.
  /// - learningRate: the optimizer's own if not given.
  /// - Throws: `badData` where the batch does not fit the model and the loss, and a `Failure` where a rank can't be reached.
  @discardableResult
  public func step(_ batch: Batch, learningRate: Double? = nil) throws -> StepOutcome {
    try step(batch, learningRate) { try addLoss() }
  }

  /// The same with a loss of the program's own, as `addLoss` takes it.
  @discardableResult
  public func step(
    _ batch: Batch, learningRate: Double? = nil,
    loss: (_ outputs: Span<Float>, _ dOutputs: inout MutableSpan<Float>) throws -> Loss.Total
  ) throws -> StepOutcome {
    try step(batch, learningRate) { try addLoss(loss) }
  }

  private func step(_ batch: Batch, _ learningRate: Double?, addingLoss: () throws -> Void) throws
    -> StepOutcome
  {
    begin()
    gradientSum.isLastPart = true
    try forward(batch)
    try addingLoss()
    backward()
    let start = monotonicNanoseconds()
    try sum()
    let outcome = try update(learningRate: learningRate)
    _ = try gradientSum.stepEnded(seconds: Double(monotonicNanoseconds() - start) / 1e9)
    return outcome
  }
}

/// The first calls of a step, for programs that make their own batches.
extension Learner {
  /// Computes the outputs of a batch; `backward` needs it unchanged.
  /// - step: from 0; with the seed and the samples' numbers it keys the dropout masks. The updates done if not given.
  /// - Throws: `badData` where the batch is not what the network reads.
  public func forward(_ batch: Batch, step: Int? = nil) throws(Failure) {
    try model.check(batch)
    settleLoss()
    let step = step ?? optimizer.steps
    guard joinsLoss else {
      last = (forward(batch, step: step, states: nil), batch)
      return
    }
    forwardBelowLoss(batch, step: step, states: nil)
    last = (nil, batch)
  }

  /// Adds the loss of the last forward's outputs, and keeps its gradient.
  /// - Throws: `badData` where the batch's targets are not what the loss compares with the outputs.
  public func addLoss() throws(Failure) {
    settleLoss()
    guard let last else { throw .usage("a loss follows a forward") }
    try model.check(last.batch, loss)
    if let outputs = last.outputs {
      model.team.measure(.loss) { addLoss(outputs, last.batch) }
    } else {
      owesLoss = true
    }
  }

  /// Adds the gradients of the last forward.
  public func backward() {
    guard owesLoss, let last else { return backward(into: nil) }
    owesLoss = false
    backward(last.batch, part: 0, into: nil)
  }

  /// Adds a loss of the program's own.
  /// - loss: from outputs `[rows, outputs]`, as the samples lie in the batch (`Batch.outputRow`), it writes the gradient of the *summed*
  ///   loss, all zero before, and returns the sum and what to divide it by.
  public func addLoss(
    _ loss: (_ outputs: Span<Float>, _ dOutputs: inout MutableSpan<Float>) throws -> Loss.Total
  ) throws {
    settleLoss()
    let outputs = try lastOutputs()
    let gradient = UnsafeMutableBufferPointer(rebasing: gradient[..<outputs.count])
    gradient.update(repeating: 0)
    var dOutputs = MutableSpan(_unsafeElements: gradient)
    let total = try loss(Span(_unsafeElements: UnsafeBufferPointer(outputs)), &dOutputs)
    sums.parts[0].loss += total.sum
    sums.parts[0].weight += total.weight
  }

  private func lastOutputs() throws(Failure) -> UnsafeMutableBufferPointer<Float> {
    guard let last else { throw .usage("a loss follows a forward") }
    if let outputs = last.outputs { return outputs }
    let outputs = model.outputsOfLast()
    reserve(rows: outputs.count / model.network.outputSize)
    self.last = (outputs, last.batch)
    return outputs
  }

  /// Adds a loss that was asked for and whose gradient nobody wanted.
  func settleLoss() {
    guard owesLoss, let last, let outputs = try? lastOutputs() else { return }
    owesLoss = false
    addLoss(outputs, last.batch)
  }
}
