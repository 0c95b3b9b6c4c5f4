import CCUDA
import Recurrent

/// One kernel for a layer's whole walk, recurrent weights in the registers of a cluster of blocks.
struct ClusterEngine: StepEngine {
  func can(_ plan: StepPlan) -> Bool {
    plan.architecture.hiddenSizes == nil && !plan.isStepped && ClusterShape(for: plan) != nil
  }

  func forward(_ layer: Int, _ directions: [ProgramBuilder.Direction], _ b: inout ProgramBuilder) {
    b.parallel(directions.map { d in { $0.project(d) } })
    b.cluster(directions, .forward, dOutput: nil)
  }

  func backward(
    _ layer: Int, _ directions: [ProgramBuilder.Direction], _ dOutput: StepProgram.Region,
    _ b: inout ProgramBuilder
  ) {
    b.cluster(directions, .backward, dOutput: dOutput)
    b.finishBackward(layer, directions, dOutput)
  }
}

extension ProgramBuilder {
  mutating func cluster(_ directions: [Direction], _ pass: Pass, dOutput: Region?) {
    let shape = ClusterShape(for: plan)!
    let spread = shape.spread
    let blocks = shape.blocks * shape.clusters(batch, directions: 1)
    let arguments =
      arguments(directions, dOutput: dOutput) + integers(directions[0].stride, steps, batch)
      + [isRelu, lengths, .region(directions[0].initial?.hidden), .region(directions[0].initial?.cell)]
    var launch = StepProgram.Launch(
      kernel: "cluster_\(pass.rawValue)", grid: (blocks, directions.count), threads: 32 * Int(spread.warps),
      shared: Int(pass == .forward ? spread.forward_shared : spread.backward_shared),
      arguments: arguments)
    launch.together = .cluster(shape.blocks)
    launch.shape = shape
    operations.append(.launch(launch))
  }
}
