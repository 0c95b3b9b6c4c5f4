import CCUDA
import Diagnostics
import Recurrent

/// A network that trains on a device: parameters, gradients and optimizer state stay there from step to step.
///
/// The host reads them back only for checkpoints and evaluation. Used from one thread at a time.
public final class DeviceModel {
  public let executor: any Executor
  private let plan: StepPlan
  public let engine: Engine
  let parameterCount: Int
  private var programs: [Int: StepProgram] = [:]

  /// One batch in host memory, or the numbers of its samples in the resident data set.
  public struct Batch {
    /// `[T, B, F]`; nil where the data set is resident.
    public var inputs: UnsafePointer<Float>?
    /// `[rows, width]` for losses of numbers, `[rows]` for cross entropy; the other is not read.
    public var values: UnsafePointer<Float>?
    public var classes: UnsafePointer<Int32>?
    /// `[B]`, they key the dropout masks.
    public var samples: UnsafePointer<Int32>
    /// B
    public var count: Int

    /// A batch of the resident data set.
    public init(resident samples: UnsafePointer<Int32>, count: Int) {
      self.init(inputs: nil, values: nil, classes: nil, samples: samples, count: count)
    }

    public init(
      inputs: UnsafePointer<Float>?, values: UnsafePointer<Float>?, classes: UnsafePointer<Int32>?,
      samples: UnsafePointer<Int32>, count: Int
    ) {
      self.inputs = inputs
      self.values = values
      self.classes = classes
      self.samples = samples
      self.count = count
    }
  }

  /// - steps: T; capacity: the most samples in a batch; resident: samples of the data set that device memory is to hold.
  public convenience init(
    _ architecture: Architecture, loss: Loss, rule: UpdateRule, steps: Int, capacity: Int,
    resident: Int = 0, engine: Engine? = nil, executor: any Executor
  ) throws {
    let plan = StepPlan(
      architecture, loss: loss, rule: rule, steps: steps, capacity: capacity, resident: resident,
      precision: executor.precision, device: executor.traits)
    try self.init(plan, engine: engine, executor: executor)
  }

  /// - plan: of the executor's device.
  /// - engine: nil for the one that suits the plan.
  public init(_ plan: StepPlan, engine: Engine? = nil, executor: any Executor) throws {
    try plan.architecture.requireProgram()
    try engine?.require(plan)
    self.plan = plan
    self.engine = engine ?? Engine(for: plan)
    self.executor = executor
    parameterCount = ParameterLayout(plan.architecture).count
    let program = program(batch: capacity)
    try executor.allocate(program.buffers)
    if case .crossEntropy(_, .some(let weights), _) = plan.loss {
      try weights.withUnsafeBytes { try executor.write($0, to: place(.classWeights)) }
    }
  }

  /// The program for batches of this size.
  public func program(batch: Int) -> StepProgram {
    if let known = programs[batch] { return known }
    let program = StepProgram(plan, batch: batch, engine: engine)
    programs[batch] = program
    return program
  }

  func place(_ place: StepProgram.Place) -> StepProgram.Region {
    StepProgram.Region(buffer: place.rawValue, offset: 0)
  }

  public var architecture: Architecture { plan.architecture }
  private var loss: Loss { plan.loss }
  private var steps: Int { plan.steps }
  private var capacity: Int { plan.capacity }
  private var resident: Int { plan.resident }

  // MARK: State

  private static let statePlaces: [StepProgram.Place] = [.parameters, .first, .second]

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

  /// Puts a sample into the resident data set.
  /// - inputs: `[T, F]`; values: `[width]` or, with an output for every step, `[T, width]`; classes: likewise.
  public func setSample(
    _ number: Int, inputs: UnsafePointer<Float>, values: UnsafePointer<Float>, classes: UnsafePointer<Int32>
  ) throws {
    let rows = architecture.outputRows(steps: steps, batch: 1)
    try write(inputs, steps * architecture.inputSize, to: .allInputs, item: number)
    if loss.takesClasses {
      try write(classes, rows, to: .allClasses, item: number)
    } else {
      try write(values, rows * architecture.outputSize, to: .allValues, item: number)
    }
  }

  // MARK: Steps

  /// A whole step of one process: gradients of one batch, decision, update.
  public func step(_ batch: Batch, _ control: step_control) throws -> step_outcome {
    try write(control)
    try write(batch)
    let program = program(batch: batch.count)
    if batch.inputs == nil {
      try executor.run(program.residentStep, key: ProgramKey(.residentStep, batch: batch.count))
    } else {
      try executor.run(program.step, key: ProgramKey(.step, batch: batch.count))
    }
    return try outcome()
  }

  /// How many steps one call of `steps` can take; 1 without resident data.
  public var stepsAtOnce: Int { program(batch: capacity).stepsAtOnce }

  /// Steps of one process on resident batches of equal size, one after the other, until one is not taken.
  /// - samples: of all batches, `[controls.count, B]`.
  /// - Returns: what each step left behind; the last one may be one that was not taken.
  public func steps(_ samples: UnsafeBufferPointer<Int32>, _ controls: [step_control]) throws
    -> [step_outcome]
  {
    precondition(controls.count <= stepsAtOnce && samples.count % controls.count == 0)
    var controls = controls
    for index in controls.indices.dropLast() { controls[index].more = 1 }
    try controls.withUnsafeBytes { try executor.write($0, to: place(.control)) }
    try executor.write(UnsafeRawBufferPointer(samples), to: place(.samples))
    let batch = samples.count / controls.count
    precondition(batch <= capacity && resident > 0)
    try executor.run(program(batch: batch).residentStep, key: ProgramKey(.residentStep, batch: batch))
    var outcomes = [step_outcome](repeating: step_outcome(), count: controls.count)
    try outcomes.withUnsafeMutableBytes { try executor.read(place(.outcome), into: $0) }
    let end = outcomes.firstIndex { $0.result != 0 } ?? outcomes.count - 1
    return Array(outcomes[...end])
  }

  /// Sets gradients and sums to zero.
  public func begin(_ control: step_control) throws {
    try write(control)
    try executor.run(program(batch: capacity).begin, key: ProgramKey(.begin, batch: capacity))
  }

  /// Adds the gradients and sums of a micro-batch.
  public func compute(_ batch: Batch) throws {
    try load(batch)
    try executor.run(program(batch: batch.count).compute, key: ProgramKey(.compute, batch: batch.count))
  }

  /// Puts a batch where the program reads it.
  func load(_ batch: Batch) throws {
    try write(batch)
    guard batch.inputs == nil else { return }
    try executor.run(program(batch: batch.count).load, key: ProgramKey(.load, batch: batch.count))
  }

  /// Decides and updates.
  public func update() throws -> step_outcome {
    try executor.run(program(batch: capacity).update, key: ProgramKey(.update, batch: capacity))
    return try outcome()
  }

  /// Adds up the gradients and sums of all ranks' devices, which have joined, then decides and updates.
  /// - meanwhile: what the host does until that is done.
  public func updateOfRanks(_ meanwhile: () throws -> Void) throws -> step_outcome {
    let program = program(batch: capacity)
    // The same list on every rank at each step: whether it is captured in a graph must be the same on all.
    try executor.run(program.updateOfRanks, key: ProgramKey(.updateOfRanks, batch: capacity))
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

  /// The network's outputs for a batch, `[rows, width]`, without dropout.
  /// - inputs: `[T, B, F]`
  public func evaluate(
    inputs: UnsafePointer<Float>, batch: Int, outputs: UnsafeMutableBufferPointer<Float>
  ) throws {
    try write(inputs, steps * batch * architecture.inputSize, to: .inputs)
    let program = program(batch: batch)
    try executor.run(program.evaluate, key: ProgramKey(.evaluate, batch: batch))
    try executor.read(program.output, into: UnsafeMutableRawBufferPointer(outputs))
  }

  private func write(_ control: step_control) throws {
    try withUnsafeBytes(of: control) { try executor.write($0, to: place(.control)) }
  }

  private func write(_ batch: Batch) throws {
    precondition(batch.count > 0 && batch.count <= capacity)
    try write(batch.samples, batch.count, to: .samples)
    guard let inputs = batch.inputs else { return precondition(resident > 0) }
    let rows = architecture.outputRows(steps: steps, batch: batch.count)
    try write(inputs, steps * batch.count * architecture.inputSize, to: .inputs)
    if loss.takesClasses {
      try write(batch.classes!, rows, to: .classes)
    } else {
      try write(batch.values!, rows * architecture.outputSize, to: .values)
    }
  }

  /// Writes the item-th run of `count` elements, of four bytes each.
  private func write<Element>(
    _ start: UnsafePointer<Element>, _ count: Int, to place: StepProgram.Place, item: Int = 0
  ) throws {
    try executor.write(
      UnsafeRawBufferPointer(UnsafeBufferPointer(start: start, count: count)),
      to: StepProgram.Region(buffer: place.rawValue, offset: 4 * count * item))
  }
}
