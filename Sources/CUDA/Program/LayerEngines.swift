struct StepwiseEngine: StepEngine {
  func can(_ plan: StepPlan) -> Bool { true }

  func forward(_ layer: Int, _ directions: [ProgramBuilder.Direction], _ b: inout ProgramBuilder) {
    b.parallel(
      directions.map { d in
        {
          $0.project(d)
          $0.forward(d)
        }
      })
  }

  func backward(
    _ layer: Int, _ directions: [ProgramBuilder.Direction], _ dOutput: StepProgram.Region,
    _ b: inout ProgramBuilder
  ) {
    b.parallel(directions.map { d in { $0.backward(d, dOutput) } })
    b.finishBackward(layer, directions)
  }
}

struct WalkEngine: StepEngine {
  func can(_ plan: StepPlan) -> Bool {
    let network = plan.architecture
    return network.cell != .none && network.hiddenSize <= 64 && network.isPlain
  }

  func forward(_ layer: Int, _ directions: [ProgramBuilder.Direction], _ b: inout ProgramBuilder) {
    b.parallel(directions.map { d in { $0.project(d) } })
    b.walk(directions, .forward, dOutput: nil)
  }

  func backward(
    _ layer: Int, _ directions: [ProgramBuilder.Direction], _ dOutput: StepProgram.Region,
    _ b: inout ProgramBuilder
  ) {
    b.walk(directions, .backward, dOutput: dOutput)
    b.finishBackward(layer, directions)
  }
}
