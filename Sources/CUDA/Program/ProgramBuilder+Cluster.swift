import CCUDA
import Recurrent

/// One kernel for a layer's whole walk, recurrent weights in the registers of a cluster of blocks.
struct ClusterEngine: LayerEngine {
  func can(_ plan: StepPlan) -> Bool {
    plan.network.hiddenSizes == nil && !plan.isStepped && ClusterShape(for: plan) != nil
  }

  func forward(_ layer: Int, _ directions: [ProgramBuilder.Direction], _ b: inout ProgramBuilder) {
    b.parallel(directions.map { d in b.written { $0.project(d) } })
    b.cluster(directions, .forward, dOutput: nil)
  }

  func backward(
    _ layer: Int, _ directions: [ProgramBuilder.Direction], _ dOutput: StepProgram.Region,
    _ b: inout ProgramBuilder
  ) -> ProgramBuilder.LayerGradients {
    b.cluster(directions, .backward, dOutput: dOutput)
    return b.gradients(directions)
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
    var launch = StepProgram.Launch(
      call: call, grid: (blocks, directions.count), threads: 32 * Int(spread.warps),
      shared: Int(pass == .forward ? spread.forward_shared : spread.backward_shared))
    launch.together = .cluster(shape.blocks)
    launch.shape = shape
    operations.append(.launch(launch))
  }
}
