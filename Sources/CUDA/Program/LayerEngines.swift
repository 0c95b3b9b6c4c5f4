struct StepwiseEngine: LayerEngine {
  func can(_ plan: StepPlan) -> Bool { true }

  func forward(_ layer: Int, _ directions: [ProgramBuilder.Direction], _ b: inout ProgramBuilder) {
    let isStepped = b.plan.isStepped
    b.parallel(
      directions.map { d in
        b.written {
          if isStepped { return $0.forward($0.stepped(d)) }
          $0.project(d)
          $0.forward(d)
        }
      })
  }

  func backward(
    _ layer: Int, _ directions: [ProgramBuilder.Direction], _ dOutput: StepProgram.Region,
    _ b: inout ProgramBuilder
  ) -> ProgramBuilder.LayerGradients {
    guard b.plan.isStepped else {
      b.parallel(directions.map { d in b.written { $0.backward(d, dOutput) } })
      return b.gradients(directions)
    }
    let stepped = directions.map { b.stepped($0) }
    b.parallel(stepped.map { s in b.written { $0.backward(s, dOutput) } })
    return b.gradients(stepped)
  }
}

struct WalkEngine: LayerEngine {
  func can(_ plan: StepPlan) -> Bool {
    let network = plan.network
    return network.cell != .none && network.hiddenSizes == nil && network.hiddenSize <= 64 && !plan.isStepped
      && plan.streams == 0
  }

  func forward(_ layer: Int, _ directions: [ProgramBuilder.Direction], _ b: inout ProgramBuilder) {
    b.parallel(directions.map { d in b.written { $0.project(d) } })
    b.walk(directions, .forward, dOutput: nil)
  }

  func backward(
    _ layer: Int, _ directions: [ProgramBuilder.Direction], _ dOutput: StepProgram.Region,
    _ b: inout ProgramBuilder
  ) -> ProgramBuilder.LayerGradients {
    b.walk(directions, .backward, dOutput: dOutput)
    return b.gradients(directions)
  }
}
