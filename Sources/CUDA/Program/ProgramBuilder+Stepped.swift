import Recurrent

/// Layers with options, one step after the other; the mathematics is that of `SteppedLayer` on the processor.
extension ProgramBuilder {
  /// A step: where it lies, and what stands before it.
  private struct Step {
    let s: Stepped
    let now: Int
    let before: Int?
    let isLast: Bool
    var d: Direction { s.d }
  }

  private func walk(_ s: Stepped) -> [Step] {
    (0..<steps).map {
      let (now, before) = times($0, s.d)
      return Step(s: s, now: now, before: before, isLast: $0 == steps - 1)
    }
  }

  /// What a row starts from: (before, stride, initial, its stride).
  private func hiddenBefore(_ step: Step) -> [Argument] {
    let d = step.d
    return [
      .region(step.before.map { at($0, d.output, d.stride) }), .int(Int32(d.stride)),
      .region(d.initial?.hidden), .int(Int32(d.initial?.hiddenStride ?? 0)),
    ]
  }
  private func cellBefore(_ step: Step) -> [Argument] {
    let d = step.d
    return [
      .region(step.before.map { at($0, d.cells!, d.hidden) }), .int(Int32(d.hidden)),
      .region(d.initial?.cell), .int(Int32(d.initial?.cellStride ?? 0)),
    ]
  }
  /// (lengths, time, reverse, batch)
  private func moment(_ step: Step) -> [Argument] {
    [lengths] + integers(step.now, step.d.reverse ? 1 : 0, batch)
  }

  /// Where the cell's own output of a step goes.
  private func cellOutput(_ step: Step) -> (region: Region, stride: Int) {
    if let wide = step.s.wide { return (at(step.now, wide, step.d.hidden), step.d.hidden) }
    return (at(step.now, step.d.output, step.d.stride), step.d.stride)
  }

  // MARK: Forward

  mutating func forward(_ s: Stepped) {
    drawMasks(s)
    project(s.d, to: s.inputNorm?.x ?? s.d.gates)
    if let norm = s.inputNorm {
      normalize(norm, norm.x, row: 0, rows: steps * batch, to: s.d.gates, adds: false)
    }
    for step in walk(s) { advance(step) }
  }

  private mutating func advance(_ step: Step) {
    let (s, d, now) = (step.s, step.d, step.now)
    let (seen, products) = (at(now, s.seen, d.width), at(now, s.products, d.columns))
    each(
      "see", batch * d.width,
      hiddenBefore(step) + [.region(s.recurrentMask), .region(seen)] + moment(step) + integers(d.width))
    product(
      matrix(seen, d.width), matrix(parameter(d.recurrentWeight), d.width, transposed: true), to: products,
      stride: d.columns, batch, d.columns, depth: d.width)
    if let norm = s.recurrentNorm {
      normalize(
        norm, products, row: now * batch, rows: batch, to: at(now, d.gates, d.columns), adds: true,
        aside: s.normed.map { at(now, $0, d.hidden) })
    }
    advanceCell(step, s.recurrentNorm == nil ? products : nil)
    let (output, stride) = (at(now, d.output, d.stride), d.stride)
    if let projection = s.projection {
      product(
        matrix(at(now, s.wide!, d.hidden), d.hidden),
        matrix(parameter(projection), d.hidden, transposed: true),
        to: s.narrow.map { at(now, $0, d.width) } ?? output, stride: s.narrow == nil ? stride : d.width,
        batch, d.width, depth: d.hidden)
    }
    guard let zone = s.hiddenZone else { return }
    each(
      "emit", batch * d.width,
      [.region(at(now, s.narrow ?? s.wide!, d.width))] + hiddenBefore(step)
        + [.region(at(now, zone, d.width)), .region(output), .int(Int32(stride))] + moment(step)
        + integers(d.width))
  }

  /// - product: what is still to be added to the gates.
  private mutating func advanceCell(_ step: Step, _ product: Region?) {
    let (s, d, now) = (step.s, step.d, step.now)
    let gates = at(now, d.gates, d.columns)
    let (out, stride) = cellOutput(step)
    let biases: [Argument] = [.region(d.inputBias.map(parameter)), .region(d.recurrentBias.map(parameter))]
    let tail = moment(step) + integers(d.hidden)
    switch architecture.cell {
    case .lstm:
      let cells = at(now, d.cells!, d.hidden)
      each(
        "lstm_cells", batch * d.hidden,
        [.region(gates), .region(product)] + biases + cellBefore(step) + [.region(cells)] + tail)
      let squashed = at(now, s.squashed!, d.hidden)
      if let norm = s.cellNorm {
        normalize(norm, cells, row: now * batch, rows: batch, to: squashed, adds: false)
      }
      each(
        "lstm_output", batch * d.hidden,
        [.region(gates), .region(s.cellNorm == nil ? cells : squashed), .region(squashed)]
          + cellBefore(step)
          + [
            .region(cells), .region(s.cellZone.map { at(now, $0, d.hidden) }), .region(out),
            .int(Int32(stride)),
          ] + tail)
    case .gru:
      each(
        "gru_step", batch * d.hidden,
        [.region(gates), .region(product), .region(s.normed.map { at(now, $0, d.hidden) })] + biases
          + hiddenBefore(step) + [.region(out), .int(Int32(stride))] + tail)
    case .rnn, .none:
      each(
        "rnn_step", batch * d.hidden,
        [.region(gates), .region(product)] + biases + [.region(out), .int(Int32(stride))] + tail + [isRelu])
    }
  }

  // MARK: Backward

  /// Leaves the gates' gradients behind; those of the initial state in dHidden and dCell.
  mutating func backward(_ s: Stepped, _ dOutput: Region) {
    for step in walk(s).reversed() { retreat(step, dOutput.advanced(s.d.offset)) }
    if let norm = s.inputNorm { normalizeBack(norm, s.d.gates, row: 0, rows: steps * batch) }
  }

  private mutating func retreat(_ step: Step, _ dOutput: Region) {
    let (s, d, now) = (step.s, step.d, step.now)
    let narrow = at(now, s.dNarrow, d.width)
    each(
      "emit_back", batch * d.width,
      [
        .region(at(now, dOutput, d.stride)), .int(Int32(d.stride)),
        .region(s.hiddenZone.map { at(now, $0, d.width) }), .region(d.dHidden), .region(narrow),
        .int(step.isLast ? 1 : 0),
      ] + moment(step) + integers(d.width))
    var dh = narrow
    if let projection = s.projection {
      product(
        matrix(narrow, d.width), matrix(parameter(projection), d.hidden), to: s.dWide, stride: d.hidden,
        batch, d.hidden, depth: d.width)
      dh = s.dWide
    }
    retreatCell(step, dh)
    if let norm = s.recurrentNorm {
      normalizeBack(norm, at(now, s.dRecurrentSums, d.columns), row: now * batch, rows: batch)
    }
    let dGates = matrix(at(now, s.dRecurrentGates, d.columns), d.columns)
    let weight = matrix(parameter(d.recurrentWeight), d.width)
    let to = s.recurrentMask == nil ? d.dHidden : s.dSeen
    product(
      dGates, weight, to: to, stride: d.width, batch, d.width, depth: d.columns,
      accumulates: s.recurrentMask == nil)
    guard let mask = s.recurrentMask else { return }
    each(
      "see_back", batch * d.width,
      [.region(s.dSeen), .region(mask), .region(d.dHidden), .long(Int64(batch * d.width))])
  }

  private mutating func retreatCell(_ step: Step, _ dh: Region) {
    let (s, d, now) = (step.s, step.d, step.now)
    let gates = at(now, d.gates, d.columns)
    let tail = moment(step) + integers(d.hidden)
    switch architecture.cell {
    case .lstm:
      let squashed = at(now, s.squashed!, d.hidden)
      each(
        "lstm_output_back", batch * d.hidden, [.region(gates), .region(squashed), .region(dh)] + tail)
      if let norm = s.cellNorm { normalizeBack(norm, squashed, row: now * batch, rows: batch) }
      each(
        "lstm_cells_back", batch * d.hidden,
        [
          .region(gates), .region(s.cellNorm.map { at(now, $0.dx, d.hidden) } ?? squashed),
          .region(d.dCell),
        ] + cellBefore(step)
          + [.region(s.cellZone.map { at(now, $0, d.hidden) }), .int(step.isLast ? 1 : 0)] + tail)
    case .gru:
      let m =
        s.normed.map { at(now, $0, d.hidden) }
        ?? at(now, s.products, d.columns).advanced(2 * d.hidden)
      each(
        "gru_step_back", batch * d.hidden,
        [.region(gates), .region(m), .int(Int32(s.normed == nil ? d.columns : d.hidden)), .region(dh)]
          + hiddenBefore(step) + [.region(at(now, d.recurrent!, d.columns)), .region(d.dHidden)] + tail)
    case .rnn, .none:
      let (out, stride) = cellOutput(step)
      each(
        "rnn_step_back", batch * d.hidden,
        [.region(gates), .region(out), .int(Int32(stride)), .region(dh)] + tail + [isRelu])
    }
  }

  // MARK: Gradients of parameters

  /// Lists that need nothing from one another.
  func weightGradients(_ s: Stepped) -> [Body] {
    let (d, rows) = (s.d, steps * batch)
    return [
      { $0.inputWeightGradient(d, s.dInputGates) },
      { b in
        b.weightGradient(
          d.recurrentWeight, s.dRecurrentGates, d.columns, s.seen, d.width, rows: rows)
      },
      { b in
        guard let projection = s.projection else { return }
        b.weightGradient(projection, s.dNarrow, d.width, s.wide!, d.hidden, rows: rows)
      },
      { b in
        guard let input = d.inputBias, let recurrent = d.recurrentBias else { return }
        b.columnSums(s.dInputGates, rows: rows, columns: d.columns, to: b.gradient(input))
        b.columnSums(s.dRecurrentGates, rows: rows, columns: d.columns, to: b.gradient(recurrent))
      },
      { b in
        if let norm = s.inputNorm { b.normGradients(norm, d.gates) }
        if let norm = s.recurrentNorm { b.normGradients(norm, s.dRecurrentSums) }
        if let norm = s.cellNorm { b.normGradients(norm, s.squashed!) }
      },
      { $0.initialGradients(d) },
    ]
  }

  /// weight `[columns, width]` += (gradients `[rows, columns]`)ᵀ · x `[rows, width]`.
  private mutating func weightGradient(
    _ weight: Int, _ gradients: Region, _ columns: Int, _ x: Region, _ width: Int, rows: Int
  ) {
    product(
      matrix(gradients, columns, transposed: true), matrix(x, width), to: gradient(weight), stride: width,
      columns, width, depth: rows, accumulates: true)
  }

  /// All rows start from the learned state.
  private mutating func initialGradients(_ d: Direction) {
    guard plan.streams == 0, let hidden = layout["rnn.h0\(d.suffix)"] else { return }
    columnSums(d.dHidden, rows: batch, columns: d.width, to: gradient(hidden.range.lowerBound))
    guard let cell = layout["rnn.c0\(d.suffix)"] else { return }
    columnSums(d.dCell, rows: batch, columns: d.hidden, to: gradient(cell.range.lowerBound))
  }
}
