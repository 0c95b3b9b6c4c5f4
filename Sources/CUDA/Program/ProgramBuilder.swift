import CCUDA
import Recurrent

/// Writes the step of a network as a program.
///
/// Memory is laid out for the largest batch, so that the programs of smaller ones use the same buffers.
struct ProgramBuilder {
  let network: Network
  let cell: CellDescription
  let layout: ParameterLayout
  let loss: Loss
  let rule: UpdateRule
  /// T of this program, at most the plan's.
  let steps: Int
  let batch: Int
  /// The largest batch.
  let capacity: Int
  /// Samples of the data set in device memory; 0 for none.
  let resident: Int
  let plan: StepPlan
  let engine: Engine

  var program = StepProgram()
  var operations: [StepProgram.Operation] = []
  /// Whether the operations written are for training.
  var trains = true
  /// Whether what is written is cut into parts.
  var isCut = false
  private var buffers: [String: Int] = [:]

  /// - batch: samples of a micro-batch; steps: of its sequences, nil for the plan's.
  init(_ plan: StepPlan, batch: Int, steps: Int? = nil, engine: Engine) {
    let steps = steps ?? plan.steps
    precondition(batch > 0 && batch <= plan.capacity && steps > 0 && steps <= plan.steps)
    self.plan = plan
    network = plan.network
    cell = CellDescription(network.cell)
    layout = ParameterLayout(network)
    loss = plan.loss
    rule = plan.rule
    self.steps = steps
    self.batch = batch
    capacity = plan.capacity
    resident = plan.resident
    self.engine = engine
    declareHostBuffers()
  }

  typealias Region = StepProgram.Region
  typealias Call = StepProgram.Call
  typealias Matrix = StepProgram.Matrix

  /// The whole program.
  mutating func build() -> StepProgram {
    engine.writer.build(&self)
    if program.parts.isEmpty {
      program.parts = [StepProgram.Bucket(operations: program.compute, gradients: 0..<layout.count)]
    }
    return program
  }

  /// The program of an engine that goes layer by layer.
  mutating func buildLayers(_ engine: some LayerEngine) {
    writeBegin()
    writeCompute(engine)
    program.compute = take()
    isCut = true
    writeCompute(engine)
    cut(from: 0)
    isCut = false
    writeUpdate()
    program.update = take()
    trains = false
    program.output = forwardHead(forwardLayers(engine)).output
    program.evaluate = take()
    program.step = program.begin + program.compute + program.update
    program.residentStep = program.begin + program.load + program.compute + program.update
  }

  /// Cleared sums, and batches of the resident data set.
  mutating func writeBegin() {
    program.begin = [
      .zero(place(.gradients), bytes: 4 * layout.count),
      .zero(place(.outcome), bytes: MemoryLayout<step_outcome>.size),
    ]
    writeLoad()
    program.load = take()
  }

  private mutating func writeCompute(_ engine: some LayerEngine) {
    trains = true
    let read = forwardLayers(engine)
    let (output, dOutput) = forwardHead(read)
    writeLoss(output, dOutput)
    let dRead = backwardHead(read, dOutput)
    cut(from: layout.boundaries[0])
    backwardLayers(dRead, engine)
  }

  /// Ends a part, where parts are written: the gradients from this one on are final.
  mutating func cut(from start: Int) {
    let end = program.parts.last?.gradients.lowerBound ?? layout.count
    guard isCut, start < end || !operations.isEmpty else { return }
    program.parts.append(StepProgram.Bucket(operations: take(), gradients: min(start, end)..<end))
  }

  /// What `body` writes, as a list of its own.
  mutating func written(_ body: (inout ProgramBuilder) -> Void) -> [StepProgram.Operation] {
    let before = take()
    body(&self)
    defer { operations = before }
    return operations
  }

  /// Writes lists that need nothing from one another.
  mutating func parallel(_ lists: [[StepProgram.Operation]]) { operations += together(lists) }

  func together(_ lists: [[StepProgram.Operation]]) -> [StepProgram.Operation] {
    let lists = lists.filter { !$0.isEmpty }
    return lists.count > 1 ? [.parallel(lists)] : lists.first ?? []
  }

  mutating func take() -> [StepProgram.Operation] {
    defer { operations = [] }
    return operations
  }

  // MARK: Memory

  /// A buffer of this name, of `count` elements for the largest batch.
  mutating func buffer(_ name: String, _ count: Int, bytes: Int = 4) -> Region {
    if let known = buffers[name] { return Region(buffer: known, offset: 0) }
    let index = program.buffers.count
    program.buffers.append(StepProgram.Buffer(name: name, bytes: max(count * bytes, 16)))
    buffers[name] = index
    return Region(buffer: index, offset: 0)
  }

  func place(_ place: StepProgram.HostBuffer) -> Region { Region(buffer: place.rawValue, offset: 0) }
  func parameter(_ start: Int) -> Region { place(.parameters).advanced(start) }
  func gradient(_ start: Int) -> Region { place(.gradients).advanced(start) }

  /// Rows of all steps of the largest batch.
  var room: Int { plan.steps * capacity }
  var hasLengths: Bool { plan.hasLengths }

  /// Rows of the network's output for the largest batch, and for a batch of this program.
  var mostRows: Int { network.outputRows(steps: plan.steps, batch: capacity) }
  func rows(_ batch: Int) -> Int { network.outputRows(steps: steps, batch: batch) }

  // MARK: Operations

  mutating func launch(_ call: Call, grid: Int, threads: Int = 256, shared: Int = 0) {
    operations.append(
      .launch(StepProgram.KernelLaunch(call: call, grid: (grid, 1), threads: threads, shared: shared)))
  }

  /// One thread for each of `count` elements.
  mutating func each(_ count: Int, threads: Int = 128, _ call: Call) {
    launch(call, grid: (count + threads - 1) / threads, threads: threads)
  }

  /// C (+)= A·B for matrices of these sizes.
  mutating func product(
    _ a: Matrix, _ b: Matrix, to c: Region, stride: Int, _ rows: Int, _ columns: Int, depth: Int,
    accumulates: Bool = false
  ) {
    operations.append(
      .product(
        StepProgram.Product(
          a: a, b: b, c: Matrix(region: c, stride: stride, transposed: false), rows: rows, columns: columns,
          depth: depth, accumulates: accumulates)))
  }

  func matrix(_ region: Region, _ stride: Int, transposed: Bool = false) -> Matrix {
    Matrix(region: region, stride: stride, transposed: transposed)
  }

  /// first[j] (and second[j]) += Σ over rows of x[row, j].
  mutating func columnSums(_ x: Region, rows: Int, columns: Int, to first: Region, _ second: Region? = nil) {
    launch(
      .columnSums(x: x, first: first, second: second, rows: rows, columns: columns),
      grid: (columns + 31) / 32, shared: 256 * 4)
  }
}
