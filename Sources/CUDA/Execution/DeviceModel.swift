import Batches
import CCUDA
import Diagnostics
import Recurrent

/// A network that trains on a device: parameters, gradients and optimizer state stay there from step to step.
///
/// The host reads them back only for checkpoints and evaluation. Used from one thread at a time.
public final class DeviceModel {
  public let network: Network
  public let executor: any Executor
  public let plan: StepPlan
  public let engine: Engine
  let parameterCount: Int
  private var programs: [Shape: StepProgram] = [:]
  private let padding = Padding()

  /// What programs of a plan differ in.
  private struct Shape: Hashable {
    let batch, steps: Int
  }

  /// - steps: T; capacity: the most samples in a batch; resident: samples of the data set that device memory is to hold.
  public convenience init(
    _ network: Network, loss: Loss, rule: UpdateRule, steps: Int, capacity: Int,
    resident: Int = 0, engine: Engine? = nil, executor: any Executor
  ) throws {
    try self.init(
      StepPlan(network, loss: loss, rule: rule, steps: steps, capacity: capacity, resident: resident),
      engine: engine, executor: executor)
  }

  /// - plan: its device and precision are the executor's.
  /// - engine: nil for the one that suits the plan.
  public init(_ plan: StepPlan, engine: Engine? = nil, executor: any Executor) throws {
    try plan.requireProgram()
    var plan = plan
    (plan.precision, plan.device) = (executor.precision, executor.traits)
    try engine?.require(plan)
    precondition(plan.resident == 0 || !plan.hasLengths && plan.network.embedding == nil)
    self.plan = plan
    network = plan.network
    self.engine = engine ?? Engine(for: plan)
    self.executor = executor
    parameterCount = ParameterLayout(network).count
    let program = program(batch: plan.capacity)
    try executor.allocate(program.buffers)
    if case .crossEntropy(_, .some(let weights), _) = plan.loss {
      try weights.withUnsafeBytes { try executor.write($0, to: place(.classWeights)) }
    }
  }

  /// The program for batches of this size and, where lengths differ, for sequences up to so many steps.
  public func program(batch: Int, steps: Int? = nil) -> StepProgram {
    let shape = Shape(batch: batch, steps: steps ?? plan.steps)
    if let known = programs[shape] { return known }
    let program = StepProgram(plan, batch: batch, steps: shape.steps, engine: engine)
    programs[shape] = program
    return program
  }

  func place(_ place: StepProgram.HostBuffer) -> StepProgram.Region {
    StepProgram.Region(buffer: place.rawValue, offset: 0)
  }

  // MARK: State

  private static let statePlaces: [StepProgram.HostBuffer] = [.parameters, .first, .second]

  /// Copies parameters and the optimizer's buffers, in layout order, to the device.
  public func load(
    parameters: UnsafeBufferPointer<Float>, states: [UnsafeBufferPointer<Float>]
  ) throws {
    for (place, values) in zip(Self.statePlaces, [parameters] + states) {
      precondition(values.count == parameterCount)
      try executor.write(UnsafeRawBufferPointer(values), to: self.place(place))
    }
  }

  /// Copies them back.
  public func store(
    parameters: UnsafeMutableBufferPointer<Float>, states: [UnsafeMutableBufferPointer<Float>]
  ) throws {
    for (place, values) in zip(Self.statePlaces, [parameters] + states) {
      try executor.read(self.place(place), into: UnsafeMutableRawBufferPointer(values))
    }
  }

  /// Copies to and from the device what goes beside the parameters: their average, and the states of streams.
  public func load(_ values: UnsafeBufferPointer<Float>, to side: OptionalBuffer) throws {
    try executor.write(UnsafeRawBufferPointer(values), to: place(side.place))
  }
  public func store(_ side: OptionalBuffer, into values: UnsafeMutableBufferPointer<Float>) throws {
    try executor.read(place(side.place), into: UnsafeMutableRawBufferPointer(values))
  }

  /// Values that not every run has.
  public enum OptionalBuffer: Sendable {
    /// In layout order.
    case average
    /// `[layers·D, streams, H]`, those of a run, as `StreamStates` has them.
    case hiddenStates, cellStates
    /// The same for the streams of an evaluation.
    case evaluationHidden, evaluationCells

    fileprivate var place: StepProgram.HostBuffer {
      switch self {
      case .average: .average
      case .hiddenStates: .hiddenStates
      case .cellStates: .cellStates
      case .evaluationHidden: .evaluationHidden
      case .evaluationCells: .evaluationCells
      }
    }
  }

  /// Puts a sample into the resident data set.
  /// - inputs: `[T, F]`; values: `[width]` or, with an output for every step, `[T, width]`; classes: likewise.
  public func setSample(
    _ number: Int, inputs: UnsafePointer<Float>, values: UnsafePointer<Float>, classes: UnsafePointer<Int32>
  ) throws {
    let rows = network.outputRows(steps: plan.steps, batch: 1)
    try write(inputs, plan.steps * network.inputSize, to: .allInputs, item: number)
    if plan.loss.takesClasses {
      try write(classes, rows, to: .allClasses, item: number)
    } else {
      try write(values, rows * network.outputSize, to: .allValues, item: number)
    }
  }

  // MARK: Steps

  /// A whole step of one process: gradients of one batch, decision, update.
  public func step(_ samples: Samples, _ control: step_control) throws -> step_outcome {
    try write(control)
    let (program, steps) = try write(samples)
    if samples.batch == nil {
      try executor.run(
        program.residentStep, key: ProgramKey(.residentStep, batch: samples.count, steps: steps))
    } else {
      try executor.run(program.step, key: ProgramKey(.step, batch: samples.count, steps: steps))
    }
    return try outcome()
  }

  /// How many steps one call of `steps` can take; 1 without resident data.
  public var stepsAtOnce: Int { program(batch: plan.capacity).stepsAtOnce }

  /// Steps of one process on resident batches of equal size, one after the other, until one is not taken.
  /// - samples: of all batches, `[controls.count, B]`.
  /// - Returns: what each step left behind; the last one may be one that was not taken.
  public func steps(_ samples: UnsafeBufferPointer<Int32>, _ controls: [step_control]) throws
    -> [step_outcome]
  {
    let batch = samples.count / controls.count
    precondition(controls.count <= stepsAtOnce && samples.count % controls.count == 0)
    precondition(batch <= plan.capacity && plan.resident > 0)
    var controls = controls
    for index in controls.indices.dropLast() { controls[index].more = 1 }
    try controls.withUnsafeBytes { try executor.write($0, to: place(.control)) }
    try executor.write(UnsafeRawBufferPointer(samples), to: place(.samples))
    let program = program(batch: batch)
    try executor.run(
      program.residentStep, key: ProgramKey(.residentStep, batch: batch, steps: plan.steps))
    var outcomes = [step_outcome](repeating: step_outcome(), count: controls.count)
    try outcomes.withUnsafeMutableBytes { try executor.read(place(.outcome), into: $0) }
    let end = outcomes.firstIndex { $0.result != 0 } ?? outcomes.count - 1
    return Array(outcomes[...end])
  }

  /// Sets gradients and sums to zero.
  public func begin(_ control: step_control) throws {
    try write(control)
    try executor.run(program(batch: plan.capacity).begin, key: ProgramKey(.begin, batch: plan.capacity))
  }

  /// Adds the gradients and sums of a micro-batch.
  public func compute(_ samples: Samples) throws {
    let (program, steps) = try load(samples)
    try executor.run(program.compute, key: ProgramKey(.compute, batch: samples.count, steps: steps))
  }

  /// Puts a batch where its program reads it; returns that, and its steps.
  func load(_ samples: Samples) throws -> (StepProgram, steps: Int) {
    let (program, steps) = try write(samples)
    if samples.batch == nil {
      try executor.run(program.load, key: ProgramKey(.load, batch: samples.count, steps: steps))
    }
    return (program, steps)
  }

  /// Decides and updates.
  public func update() throws -> step_outcome {
    try executor.run(program(batch: plan.capacity).update, key: ProgramKey(.update, batch: plan.capacity))
    return try outcome()
  }

  /// Adds up the gradients and sums of all ranks' devices, which have joined, then decides and updates.
  /// - meanwhile: what the host does until that is done.
  public func updateOfRanks(_ meanwhile: () throws -> Void) throws -> step_outcome {
    let program = program(batch: plan.capacity)
    // The same list on every rank at each step: whether it is captured in a graph must be the same on all.
    try executor.run(program.updateOfRanks, key: ProgramKey(.updateOfRanks, batch: plan.capacity))
    try meanwhile()
    return try outcome()
  }

  /// The sums so far, to be added up with other processes' and put back.
  public func outcome() throws -> step_outcome {
    var outcome = step_outcome()
    try withUnsafeMutableBytes(of: &outcome) { try executor.read(place(.outcome), into: $0) }
    return outcome
  }
  public func setOutcome(_ outcome: step_outcome) throws {
    try withUnsafeBytes(of: outcome) { try executor.write($0, to: place(.outcome)) }
  }

  /// The network's outputs for a batch, `[rows, width]`, without dropout. Targets are not read.
  ///
  /// Where lengths differ and each step has an output, the rows are those of the batch, nothing padded.
  public func evaluate(_ batch: Batch, outputs: UnsafeMutableBufferPointer<Float>) throws {
    let steps = try writeInputs(.batch(batch))
    let program = program(batch: batch.count, steps: steps)
    try executor.run(program.evaluate, key: ProgramKey(.evaluate, batch: batch.count, steps: steps))
    guard plan.hasLengths, network.readsEveryStep, !batch.rows.fills(steps) else {
      return try executor.read(program.output, into: UnsafeMutableRawBufferPointer(outputs))
    }
    let width = network.outputSize
    try padding.unpadded(batch.rows, steps: steps, width: width, into: outputs) {
      try executor.read(program.output, into: UnsafeMutableRawBufferPointer($0))
    }
  }

  private func write(_ control: step_control) throws {
    try withUnsafeBytes(of: control) { try executor.write($0, to: place(.control)) }
  }

  /// Returns the program for the batch, and its steps.
  private func write(_ samples: Samples) throws -> (StepProgram, steps: Int) {
    let steps = try writeInputs(samples)
    if let batch = samples.batch { try writeTargets(batch, steps) }
    return (program(batch: samples.count, steps: steps), steps)
  }

  private func writeInputs(_ samples: Samples) throws -> Int {
    precondition(samples.count > 0 && samples.count <= plan.capacity)
    try write(samples.numbers, samples.count, to: .samples)
    guard let batch = samples.batch else {
      precondition(plan.resident > 0 && plan.streams == 0)
      return plan.steps
    }
    if plan.streams > 0 { try write(batch.streams!, batch.count, to: .streams) }
    let steps = plan.programSteps(longest: batch.rows.steps)
    if plan.hasLengths { try write(batch.lengths, batch.count, to: .lengths) }
    if let tokens = batch.tokens {
      try writeSteps(batch, tokens, 1, filler: -1, steps, to: .tokens)
    } else {
      try writeSteps(
        batch, batch.inputs.baseAddress!, network.inputSize, filler: 0, steps, to: .inputs)
    }
    return steps
  }

  private func writeTargets(_ batch: Batch, _ steps: Int) throws {
    let width = plan.loss.takesClasses ? 1 : network.outputSize
    switch plan.loss {
    case .crossEntropy(let ignored, _, _) where network.readsEveryStep:
      try writeSteps(batch, batch.classes, 1, filler: ignored, steps, to: .classes)
    case .crossEntropy: try write(batch.classes, batch.count, to: .classes)
    case _ where network.readsEveryStep:
      try writeSteps(batch, batch.values, width, filler: 0, steps, to: .values)
    default: try write(batch.values, batch.count * width, to: .values)
    }
  }

  /// Writes rows of `width` for each step of each sequence as `[steps, B, width]`.
  private func writeSteps<Element>(
    _ batch: Batch, _ rows: UnsafePointer<Element>, _ width: Int, filler: Element, _ steps: Int,
    to place: StepProgram.HostBuffer
  ) throws {
    guard plan.hasLengths, !batch.rows.fills(steps) else {
      return try write(rows, steps * batch.count * width, to: place)
    }
    try padding.padded(batch.rows, rows, steps: steps, width: width, filler: filler) {
      try executor.write(UnsafeRawBufferPointer($0), to: self.place(place))
    }
  }

  /// Writes the item-th run of `count` elements, of four bytes each.
  private func write<Element>(
    _ start: UnsafePointer<Element>, _ count: Int, to place: StepProgram.HostBuffer, item: Int = 0
  ) throws {
    try executor.write(
      UnsafeRawBufferPointer(UnsafeBufferPointer(start: start, count: count)),
      to: StepProgram.Region(buffer: place.rawValue, offset: 4 * count * item))
  }
}
