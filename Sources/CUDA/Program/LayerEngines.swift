struct StepwiseEngine: LayerEngine {
  func can(_ plan: StepPlan) -> Bool { true }

  func forward(_ layer: Int, _ directions: [ProgramBuilder.Direction], _ b: inout ProgramBuilder) {
    let isStepwise = b.plan.isStepwise
    b.parallel(
      directions.map { d in
        b.written {
          if isStepwise { return $0.forward($0.stepwise(d)) }
          $0.project(d)
          $0.forward(d)
        }
      })
  }

  func backward(
    _ layer: Int, _ directions: [ProgramBuilder.Direction], _ dOutput: StepProgram.Region,
    _ b: inout ProgramBuilder
  ) -> ProgramBuilder.LayerGradients {
    guard b.plan.isStepwise else {
      b.parallel(directions.map { d in b.written { $0.backward(d, dOutput) } })
      return b.gradients(directions)
    }
    let stepwise = directions.map { b.stepwise($0) }
    b.parallel(stepwise.map { s in b.written { $0.backward(s, dOutput) } })
    return b.gradients(stepwise)
  }
}

/// An engine that has one kernel for all time steps of a layer, forward and back.
protocol TimeLoopEngine: LayerEngine {
  /// Launches it over both directions. Gates are projected already.
  ///
  /// - dOutput: of the layer, on the way back.
  func loop(
    _ directions: [ProgramBuilder.Direction], _ pass: StepProgram.Call.Pass, dOutput: StepProgram.Region?,
    _ b: inout ProgramBuilder)
}

extension TimeLoopEngine {
  func forward(_ layer: Int, _ directions: [ProgramBuilder.Direction], _ b: inout ProgramBuilder) {
    b.parallel(directions.map { d in b.written { $0.project(d) } })
    loop(directions, .forward, dOutput: nil, &b)
  }

  func backward(
    _ layer: Int, _ directions: [ProgramBuilder.Direction], _ dOutput: StepProgram.Region,
    _ b: inout ProgramBuilder
  ) -> ProgramBuilder.LayerGradients {
    loop(directions, .backward, dOutput: dOutput, &b)
    return b.gradients(directions)
  }
}

struct WalkEngine: TimeLoopEngine {
  func can(_ plan: StepPlan) -> Bool {
    let network = plan.network
    return network.cell != .none && network.hiddenSizes == nil && network.hiddenSize <= 64 && !plan.isStepwise
      && plan.streams == 0
  }

  func loop(
    _ directions: [ProgramBuilder.Direction], _ pass: StepProgram.Call.Pass, dOutput: StepProgram.Region?,
    _ b: inout ProgramBuilder
  ) {
    b.walk(directions, pass, dOutput: dOutput)
  }
}
