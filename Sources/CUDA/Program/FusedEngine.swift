import CCUDA
import Recurrent

/// Whole steps in one kernel: `fused.h`.
///
/// Every block takes some rows of the batch through all layers, with all parameters and everything of these rows in its shared memory.
struct FusedEngine: StepEngine {
  var stepsAtOnce: Int { 32 }

  func can(_ plan: StepPlan) -> Bool {
    plan.isPlain && !plan.averages && plan.network.head.count <= Int(FUSED_HEAD_LAYERS)
      && FusedLayout.mostRows(plan) > 0
  }

  func build(_ b: inout ProgramBuilder) {
    b.writeBegin()
    b.program.output = b.buffer("results", b.rows(b.capacity) * b.network.outputSize)
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
}

extension ProgramBuilder {
  enum FusedMode: Int { case evaluate, compute, step }

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
    let call = Call.fused(
      kernelCell, s: memory.shape, mode: mode.rawValue, resident: isResident.flag,
      controls: place(.control), outcomes: place(.outcome), parameters: place(.parameters),
      gradients: place(.gradients), first: first, second: second,
      inputs: place(isResident ? .allInputs : .inputs), values: place(isResident ? .allValues : .values),
      classes: place(isResident ? .allClasses : .classes), samples: place(.samples),
      classWeights: loss.classWeights == nil ? nil : place(.classWeights),
      partial: buffer("fused_partial", most * layout.count),
      sums: buffer("fused_sums", most * 5, bytes: 8), barrier: buffer("fused_barrier", 1),
      results: program.output)
    var launch = StepProgram.KernelLaunch(call: call, grid: (blocks, 1), threads: 256, shared: memory.bytes)
    if blocks > 1, mode != .evaluate { launch.together = .grid }
    operations.append(.launch(launch))
  }
}

extension Loss {
  fileprivate var classWeights: [Float]? {
    if case .crossEntropy(_, let weights, _) = self { weights } else { nil }
  }
}
