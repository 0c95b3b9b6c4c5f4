extension ProgramBuilder {
  typealias Body = (inout ProgramBuilder) -> Void

  /// One product for each weight over all steps, and the biases' sums.
  func weightGradients(_ d: Direction) -> [Body] {
    [{ $0.inputWeightGradient(d) }, { $0.recurrentWeightGradient(d) }, { $0.biasGradients(d) }]
  }

  private mutating func inputWeightGradient(_ d: Direction) {
    let rows = gates * hidden
    product(
      matrix(d.gates, rows, transposed: true), matrix(input(of: d.layer), d.inputWidth),
      to: gradient(d.inputWeight), stride: d.inputWidth, rows, d.inputWidth, depth: steps * batch,
      accumulates: true)
  }

  /// Step t's gates saw the outputs of the step walked before it.
  private mutating func recurrentWeightGradient(_ d: Direction) {
    guard steps > 1 else { return }
    let rows = gates * hidden
    let dRecurrent = d.recurrent ?? d.gates
    let output = outputs(d.layer).advanced(d.reverse ? hidden : 0)
    let dLater = d.reverse ? dRecurrent : at(1, dRecurrent, rows)
    let earlier = d.reverse ? at(1, output, width) : output
    product(
      matrix(dLater, rows, transposed: true), matrix(earlier, width), to: gradient(d.recurrentWeight),
      stride: hidden, rows, hidden, depth: (steps - 1) * batch, accumulates: true)
  }

  private mutating func biasGradients(_ d: Direction) {
    guard let input = d.inputBias, let recurrent = d.recurrentBias else { return }
    let (rows, columns) = (steps * batch, gates * hidden)
    if let products = d.recurrent {
      columnSums(d.gates, rows: rows, columns: columns, to: gradient(input))
      columnSums(products, rows: rows, columns: columns, to: gradient(recurrent))
    } else {
      columnSums(d.gates, rows: rows, columns: columns, to: gradient(input), gradient(recurrent))
    }
  }

  /// The second direction's is added to the first one's.
  mutating func inputGradient(_ d: Direction, to below: Region) {
    product(
      matrix(d.gates, gates * hidden), matrix(parameter(d.inputWeight), d.inputWidth), to: below,
      stride: d.inputWidth, steps * batch, d.inputWidth, depth: gates * hidden, accumulates: d.reverse)
  }
}
