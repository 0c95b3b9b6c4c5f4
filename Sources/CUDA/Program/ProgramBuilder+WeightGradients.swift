extension ProgramBuilder {
  /// One product for each weight over all steps, and the biases' sums.
  mutating func weightGradients(_ d: Direction) -> [[StepProgram.Operation]] {
    [
      written { $0.inputWeightGradient(d, d.gates) }, written { $0.recurrentWeightGradient(d) },
      written { $0.biasGradients(d) },
    ]
  }

  mutating func inputWeightGradient(_ d: Direction, _ dGates: Region) {
    product(
      matrix(dGates, d.columns, transposed: true), matrix(input(of: d.layer), d.inputWidth),
      to: gradient(d.inputWeight), stride: d.inputWidth, d.columns, d.inputWidth, depth: steps * batch,
      accumulates: true)
  }

  /// Step t's gates saw the outputs of the previous step; those of the first one, the initial state.
  private mutating func recurrentWeightGradient(_ d: Direction) {
    let dRecurrent = d.recurrent ?? d.gates
    if let initial = d.initial {
      let first = at(times(0, d).now, dRecurrent, d.columns)
      recurrentWeightGradient(d, first, initial.hidden, rows: batch)
    }
    guard steps > 1 else { return }
    let dLater = d.reverse ? dRecurrent : at(1, dRecurrent, d.columns)
    let earlier = d.reverse ? at(1, d.output, d.stride) : d.output
    recurrentWeightGradient(d, dLater, earlier, rows: (steps - 1) * batch)
  }

  private mutating func recurrentWeightGradient(
    _ d: Direction, _ dGates: Region, _ seen: Region, rows: Int
  ) {
    product(
      matrix(dGates, d.columns, transposed: true), matrix(seen, d.stride), to: gradient(d.recurrentWeight),
      stride: d.hidden, d.columns, d.hidden, depth: rows, accumulates: true)
  }

  private mutating func biasGradients(_ d: Direction) {
    guard let input = d.inputBias, let recurrent = d.recurrentBias else { return }
    let rows = steps * batch
    if let products = d.recurrent {
      columnSums(d.gates, rows: rows, columns: d.columns, to: gradient(input))
      columnSums(products, rows: rows, columns: d.columns, to: gradient(recurrent))
    } else {
      columnSums(d.gates, rows: rows, columns: d.columns, to: gradient(input), gradient(recurrent))
    }
  }

  /// The second direction's is added to the first one's.
  mutating func inputGradient(_ d: Direction, _ dGates: Region, to below: Region) {
    product(
      matrix(dGates, d.columns), matrix(parameter(d.inputWeight), d.inputWidth), to: below,
      stride: d.inputWidth, steps * batch, d.inputWidth, depth: d.columns, accumulates: d.reverse)
  }
}
