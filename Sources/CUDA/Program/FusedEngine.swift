import CCUDA
import Recurrent

/// Whole steps in one kernel: `fused.h`.
///
/// Every block takes some rows of the batch through all layers, with all parameters and everything of these rows in its shared memory.
struct FusedEngine: StepEngine {
  var stepsAtOnce: Int { 32 }

  func can(_ plan: StepPlan) -> Bool {
    plan.isPlain && !plan.averages && plan.architecture.head.count <= Int(FUSED_HEAD_LAYERS)
      && FusedLayout.mostRows(plan) > 0
  }

  func build(_ b: inout ProgramBuilder) {
    b.writeBegin()
    b.program.output = b.buffer("results", b.rows(b.capacity) * b.architecture.outputSize)
    b.fused(.compute, isResident: false)
    b.program.compute = b.take()
    b.writeUpdate()
    b.program.update = b.take()
    b.fused(.step, isResident: false)
    b.program.step = b.take()
    if b.resident > 0 { b.fused(.step, isResident: true) }
    b.program.residentStep = b.take()
    b.fused(.evaluate, isResident: false)
    b.program.evaluate = b.take()
  }

  // All layers are written at once.
  func forward(_ layer: Int, _ directions: [ProgramBuilder.Direction], _ b: inout ProgramBuilder) {}
  func backward(
    _ layer: Int, _ directions: [ProgramBuilder.Direction], _ dOutput: StepProgram.Region,
    _ b: inout ProgramBuilder
  ) {}
}

extension ProgramBuilder {
  enum FusedMode: Int32 { case evaluate, compute, step }

  fileprivate mutating func fused(_ mode: FusedMode, isResident: Bool) {
    let rows = FusedLayout.rows(plan, batch: batch)
    let memory = FusedLayout(plan, batch: batch, rows: rows)
    let most = min(capacity, plan.device.multiprocessors)
    let blocks = min((batch + rows - 1) / rows, most)
    let (first, second): (Region?, Region?) =
      switch rule {
      case .adam: (place(.first), place(.second))
      case .sgd(let momentum): (momentum ? place(.first) : nil, nil)
      case .rmsprop(let momentum): (place(.first), momentum ? place(.second) : nil)
      }
    let cell = architecture.cell == .none ? .rnn : architecture.cell
    var arguments: [Argument] = [
      .structure(memory.words), .int(mode.rawValue), .int(isResident ? 1 : 0),
    ]
    let regions: [Region?] = [
      place(.control), place(.outcome), place(.parameters), place(.gradients), first, second,
      place(isResident ? .allInputs : .inputs), place(isResident ? .allValues : .values),
      place(isResident ? .allClasses : .classes), place(.samples),
      loss.classWeights == nil ? nil : place(.classWeights),
      buffer("fused_partial", most * layout.count), buffer("fused_sums", most * 5, bytes: 8),
      buffer("fused_barrier", 1), program.output,
    ]
    arguments += regions.map { .region($0) }
    var launch = StepProgram.Launch(
      kernel: "\(cell.rawValue)_fused", grid: (blocks, 1), threads: 256, shared: memory.bytes,
      arguments: arguments)
    if blocks > 1, mode != .evaluate { launch.together = .grid }
    operations.append(.launch(launch))
  }
}

extension Loss {
  fileprivate var classWeights: [Float]? {
    if case .crossEntropy(_, let weights, _) = self { weights } else { nil }
  }
}
