import CCUDA
import Recurrent

/// One kernel for all time steps of a layer, recurrent weights in the registers of a cluster of blocks.
struct ClusterEngine: TimeLoopEngine {
  func can(_ plan: StepPlan) -> Bool {
    plan.network.hiddenSizes == nil && !plan.isStepwise && ClusterShape(for: plan) != nil
  }

  func loop(
    _ directions: [ProgramBuilder.Direction], _ pass: StepProgram.Call.Pass, dOutput: StepProgram.Region?,
    _ b: inout ProgramBuilder
  ) {
    b.cluster(directions, pass, dOutput: dOutput)
  }
}

extension ProgramBuilder {
  mutating func cluster(_ directions: [Direction], _ pass: Pass, dOutput: Region?) {
    let shape = ClusterShape(for: plan)!
    let spread = shape.spread
    let blocks = shape.blocks * shape.clusters(batch, directions: 1)
    let (one, two) = pointers(directions, dOutput)
    let initial = directions[0].initial
    let call = Call.cluster(
      pass, gates0: one.gates, recurrent0: one.recurrent, weight0: one.weight, biasInput0: one.biasInput,
      biasRecurrent0: one.biasRecurrent, cells0: one.cells, h0: one.h, dOut0: one.dOut, gates1: two?.gates,
      recurrent1: two?.recurrent, weight1: two?.weight, biasInput1: two?.biasInput,
      biasRecurrent1: two?.biasRecurrent, cells1: two?.cells, h1: two?.h, dOut1: two?.dOut,
      stride: directions[0].stride, steps: steps, batch: batch, relu: relu, lengths: lengths,
      firstH: initial?.hidden, firstC: initial?.cell)
    var launch = StepProgram.KernelLaunch(
      call: call, grid: (blocks, directions.count), threads: 32 * Int(spread.warps),
      shared: Int(pass == .forward ? spread.forward_shared : spread.backward_shared))
    launch.together = .cluster(shape.blocks)
    launch.shape = shape
    operations.append(.launch(launch))
  }
}
