extension ProgramBuilder {
  typealias Pass = Call.Pass

  /// The cell in front of a kernel's name. A network without recurrent part has no layers, and takes any.
  var kernelCell: Call.KernelCell { network.cell.kernelCell ?? .rnn }

  /// One kernel for all steps of a layer.
  mutating func walk(_ directions: [Direction], _ pass: Pass, dOutput: Region?) {
    let (hidden, stride) = (directions[0].hidden, directions[0].stride)
    // Few rows in a block: the more blocks, the more multiprocessors work.
    let rows = max(1, min(256 / hidden, (batch + 127) / 128))
    let threads = (rows * hidden + 31) / 32 * 32
    let stored = pass == .forward && gates == 3 ? 4 : gates
    let state = pass == .forward ? 1 : gates
    let (one, two) = pointers(directions, dOutput)
    let call = Call.walk(
      kernelCell, pass, gates0: one.gates, recurrent0: one.recurrent, weight0: one.weight,
      biasInput0: one.biasInput, biasRecurrent0: one.biasRecurrent, cells0: one.cells, h0: one.h,
      dOut0: one.dOut, gates1: two?.gates, recurrent1: two?.recurrent, weight1: two?.weight,
      biasInput1: two?.biasInput, biasRecurrent1: two?.biasRecurrent, cells1: two?.cells, h1: two?.h,
      dOut1: two?.dOut, stride: stride, steps: steps, batch: batch, hidden: hidden, rows: rows, relu: relu,
      lengths: lengths)
    operations.append(
      .launch(
        StepProgram.KernelLaunch(
          call: call, grid: ((batch + rows - 1) / rows, directions.count), threads: threads,
          shared: 4 * (stored * hidden * hidden + 2 * rows * state * hidden))))
  }

  /// What kernels are told of a direction: `direction.h`.
  struct DirectionPointers {
    let gates, weight, h: Region
    let recurrent, biasInput, biasRecurrent, cells, dOut: Region?
  }

  /// Of both directions of a layer, where it has two.
  func pointers(_ directions: [Direction], _ dOutput: Region?) -> (DirectionPointers, DirectionPointers?) {
    let all = directions.map { d in
      DirectionPointers(
        gates: d.gates, weight: parameter(d.recurrentWeight), h: d.output, recurrent: d.recurrent,
        biasInput: d.inputBias.map(parameter), biasRecurrent: d.recurrentBias.map(parameter),
        cells: d.cells, dOut: dOutput?.advanced(d.offset))
    }
    return (all[0], all.dropFirst().first)
  }
}
