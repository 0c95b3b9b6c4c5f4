extension ProgramBuilder {
  enum Pass: String { case forward, backward }

  /// One kernel for all steps of a layer.
  mutating func walk(_ directions: [Direction], _ pass: Pass, dOutput: Region?) {
    let (hidden, stride) = (directions[0].hidden, directions[0].stride)
    // Few rows in a block: the more blocks, the more multiprocessors work.
    let rows = max(1, min(256 / hidden, (batch + 127) / 128))
    let threads = (rows * hidden + 31) / 32 * 32
    let stored = pass == .forward && gates == 3 ? 4 : gates
    let state = pass == .forward ? 1 : gates
    let arguments =
      arguments(directions, dOutput: dOutput)
      + integers(stride, steps, batch, hidden, rows) + [isRelu, lengths]
    operations.append(
      .launch(
        StepProgram.Launch(
          kernel: "\(architecture.cell.rawValue)_walk_\(pass.rawValue)",
          grid: ((batch + rows - 1) / rows, directions.count), threads: threads,
          shared: 4 * (stored * hidden * hidden + 2 * rows * state * hidden), arguments: arguments)))
  }

  /// What the kernels are told of both directions of a layer.
  mutating func arguments(_ directions: [Direction], dOutput: Region?) -> [Argument] {
    var arguments: [Argument] = []
    for index in 0..<2 {
      guard index < directions.count else {
        arguments += [Argument](repeating: .region(nil), count: 8)
        continue
      }
      let d = directions[index]
      let regions: [Region?] = [
        d.gates, d.recurrent, parameter(d.recurrentWeight), d.inputBias.map(parameter),
        d.recurrentBias.map(parameter), d.cells, d.output, dOutput?.advanced(d.offset),
      ]
      arguments += regions.map { .region($0) }
    }
    return arguments
  }
}
