import Recurrent

/// cuDNN's recurrent layers, where the device has them: what others are measured by.
struct CUDNNEngine: LayerEngine {
  func can(_ plan: StepPlan) -> Bool {
    plan.device.libraries.contains(.cudnn) && plan.network.cell != .none && plan.isPlain
  }

  func forward(_ layer: Int, _ directions: [ProgramBuilder.Direction], _ b: inout ProgramBuilder) {
    b.operations.append(.recurrence(b.recurrence(layer, directions, b.trains ? .training : .inference)))
  }

  func backward(
    _ layer: Int, _ directions: [ProgramBuilder.Direction], _ dOutput: StepProgram.Region,
    _ b: inout ProgramBuilder
  ) -> ProgramBuilder.LayerGradients {
    var recurrence = b.recurrence(layer, directions, .backward)
    let count = recurrence.shape.parameterCount
    recurrence.dOutput = dOutput
    // The first layer's is not read; cuDNN gives it all the same.
    recurrence.dInput = b.dOutputs(below: layer)
    recurrence.gradients = b.buffer("d_parameters", b.largestLayer)
    b.operations.append(.recurrence(recurrence))
    let start = directions[0].inputWeight
    b.columnSums(recurrence.gradients!, rows: 1, columns: count, to: b.gradient(start))
    return ProgramBuilder.LayerGradients(input: [], weights: [])
  }
}

extension ProgramBuilder {
  fileprivate mutating func recurrence(
    _ layer: Int, _ directions: [Direction], _ pass: StepProgram.Recurrence.LibraryPass
  ) -> StepProgram.Recurrence {
    let d = directions[0]
    let shape = RecurrentShape(
      cell: recurrentCell, steps: steps, batch: batch, input: d.inputWidth, hidden: d.hidden,
      directions: directions.count, hasBias: network.bias)
    return StepProgram.Recurrence(
      pass: pass, shape: shape, parameters: parameter(d.inputWeight), input: input(of: layer),
      output: outputs(layer))
  }

  private var recurrentCell: RecurrentShape.RNNMode {
    switch kernelCell {
    case .lstm: .lstm
    case .gru: .gru
    case .rnn: network.nonlinearity == .relu ? .relu : .tanh
    }
  }

  /// Parameters of the layer that has most.
  fileprivate var largestLayer: Int {
    let starts = layout.boundaries.reversed() + [layout.count]
    return zip(starts, starts.dropFirst()).map { $1 - $0 }.max() ?? 0
  }
}
