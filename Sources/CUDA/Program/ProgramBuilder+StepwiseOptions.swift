import Recurrent

/// Layers with options, one step after the other; the mathematics is that of `StepwiseLayer` on the processor.
extension ProgramBuilder {
  /// A step: where it lies, and what stands before it.
  private struct StepPosition {
    let s: StepwiseDirection
    let now: Int
    let before: Int?
    let isLast: Bool
    var d: Direction { s.d }
    var reverse: Int { s.d.reverse.flag }
  }

  private func steps(_ s: StepwiseDirection) -> [StepPosition] {
    (0..<steps).map {
      let (now, before) = times($0, s.d)
      return StepPosition(s: s, now: now, before: before, isLast: $0 == steps - 1)
    }
  }

  /// What a row starts from.
  private struct Before {
    let region, initial: Region?
    let stride, initialStride: Int
  }

  private func hiddenBefore(_ step: StepPosition) -> Before {
    let d = step.d
    return Before(
      region: step.before.map { at($0, d.output, d.stride) }, initial: d.initial?.hidden, stride: d.stride,
      initialStride: d.initial?.hiddenStride ?? 0)
  }
  private func cellBefore(_ step: StepPosition) -> Before {
    let d = step.d
    return Before(
      region: step.before.map { at($0, d.cells!, d.hidden) }, initial: d.initial?.cell, stride: d.hidden,
      initialStride: d.initial?.cellStride ?? 0)
  }

  /// Where the cell's own output of a step goes.
  private func cellOutput(_ step: StepPosition) -> (region: Region, stride: Int) {
    if let wide = step.s.wide { return (at(step.now, wide, step.d.hidden), step.d.hidden) }
    return (at(step.now, step.d.output, step.d.stride), step.d.stride)
  }

  // MARK: Forward

  mutating func forward(_ s: StepwiseDirection) {
    drawMasks(s)
    project(s.d, to: s.inputNorm?.x ?? s.d.gates)
    if let norm = s.inputNorm {
      normalize(norm, norm.x, row: 0, rows: steps * batch, to: s.d.gates, adds: false)
    }
    for step in steps(s) { forward(step) }
  }

  private mutating func forward(_ step: StepPosition) {
    let (s, d, now) = (step.s, step.d, step.now)
    let (seen, products) = (at(now, s.seen, d.width), at(now, s.products, d.columns))
    let h = hiddenBefore(step)
    each(
      batch * d.width,
      .maskState(
        before: h.region, stride: h.stride, initial: h.initial, initialStride: h.initialStride,
        mask: s.recurrentMask, seen: seen, lengths: lengths, time: now, reverse: step.reverse, batch: batch,
        width: d.width))
    product(
      matrix(seen, d.width), matrix(parameter(d.recurrentWeight), d.width, transposed: true), to: products,
      stride: d.columns, batch, d.columns, depth: d.width)
    if let norm = s.recurrentNorm {
      normalize(
        norm, products, row: now * batch, rows: batch, to: at(now, d.gates, d.columns), adds: true,
        aside: s.normed.map { at(now, $0, d.hidden) })
    }
    forwardCell(step, s.recurrentNorm == nil ? products : nil)
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
      batch * d.width,
      .applyZoneout(
        x: at(now, s.narrow ?? s.wide!, d.width), before: h.region, stride: h.stride, initial: h.initial,
        initialStride: h.initialStride, zone: at(now, zone, d.width), h: output, hStride: stride,
        lengths: lengths, time: now, reverse: step.reverse, batch: batch, width: d.width))
  }

  /// - product: what is still to be added to the gates.
  private mutating func forwardCell(_ step: StepPosition, _ product: Region?) {
    let (s, d, now) = (step.s, step.d, step.now)
    let gates = at(now, d.gates, d.columns)
    let (out, stride) = cellOutput(step)
    let (biasInput, biasRecurrent) = (d.inputBias.map(parameter), d.recurrentBias.map(parameter))
    switch kernelCell {
    case .lstm: forwardLSTM(step, product, to: out, stride)
    case .gru:
      let h = hiddenBefore(step)
      each(
        batch * d.hidden,
        .gruStep(
          gates: gates, product: product, normed: s.normed.map { at(now, $0, d.hidden) },
          biasInput: biasInput, biasRecurrent: biasRecurrent, before: h.region, stride: h.stride,
          initial: h.initial, initialStride: h.initialStride, out: out, outStride: stride, lengths: lengths,
          time: now, reverse: step.reverse, batch: batch, hidden: d.hidden))
    case .rnn:
      each(
        batch * d.hidden,
        .rnnStep(
          gates: gates, product: product, biasInput: biasInput, biasRecurrent: biasRecurrent, out: out,
          outStride: stride, lengths: lengths, time: now, reverse: step.reverse, batch: batch,
          hidden: d.hidden, relu: relu))
    }
  }

  private mutating func forwardLSTM(
    _ step: StepPosition, _ product: Region?, to out: Region, _ outStride: Int
  ) {
    let (s, d, now, c) = (step.s, step.d, step.now, cellBefore(step))
    let (gates, cells) = (at(now, d.gates, d.columns), at(now, d.cells!, d.hidden))
    each(
      batch * d.hidden,
      .lstmCells(
        gates: gates, product: product, biasInput: d.inputBias.map(parameter),
        biasRecurrent: d.recurrentBias.map(parameter), before: c.region, stride: c.stride,
        initial: c.initial, initialStride: c.initialStride, c: cells, lengths: lengths, time: now,
        reverse: step.reverse, batch: batch, hidden: d.hidden))
    let squashed = at(now, s.squashed!, d.hidden)
    if let norm = s.cellNorm {
      normalize(norm, cells, row: now * batch, rows: batch, to: squashed, adds: false)
    }
    each(
      batch * d.hidden,
      .lstmOutput(
        gates: gates, read: s.cellNorm == nil ? cells : squashed, squashed: squashed, before: c.region,
        stride: c.stride, initial: c.initial, initialStride: c.initialStride, c: cells,
        zone: s.cellZone.map { at(now, $0, d.hidden) }, out: out, outStride: outStride, lengths: lengths,
        time: now, reverse: step.reverse, batch: batch, hidden: d.hidden))
  }

  // MARK: Backward

  /// Leaves the gates' gradients behind; those of the initial state in dHidden and dCell.
  mutating func backward(_ s: StepwiseDirection, _ dOutput: Region) {
    for step in steps(s).reversed() { backward(step, dOutput.advanced(s.d.offset)) }
    if let norm = s.inputNorm { normalizeBack(norm, s.d.gates, row: 0, rows: steps * batch) }
  }

  private mutating func backward(_ step: StepPosition, _ dOutput: Region) {
    let (s, d, now) = (step.s, step.d, step.now)
    let narrow = at(now, s.dNarrow, d.width)
    each(
      batch * d.width,
      .applyZoneoutBack(
        dOut: at(now, dOutput, d.stride), dStride: d.stride, zone: s.hiddenZone.map { at(now, $0, d.width) },
        carried: d.dHidden, own: narrow, start: step.isLast.flag, lengths: lengths, time: now,
        reverse: step.reverse, batch: batch, width: d.width))
    var dh = narrow
    if let projection = s.projection {
      product(
        matrix(narrow, d.width), matrix(parameter(projection), d.hidden), to: s.dWide, stride: d.hidden,
        batch, d.hidden, depth: d.width)
      dh = s.dWide
    }
    backwardCell(step, dh)
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
    let count = batch * d.width
    each(count, .maskStateBack(d: s.dSeen, mask: mask, carried: d.dHidden, count: count))
  }

  private mutating func backwardCell(_ step: StepPosition, _ dh: Region) {
    let (s, d, now) = (step.s, step.d, step.now)
    let gates = at(now, d.gates, d.columns)
    switch kernelCell {
    case .lstm: backwardLSTM(step, dh)
    case .gru:
      let h = hiddenBefore(step)
      let m =
        s.normed.map { at(now, $0, d.hidden) }
        ?? at(now, s.products, d.columns).advanced(2 * d.hidden)
      each(
        batch * d.hidden,
        .gruStepBack(
          gates: gates, m: m, mStride: s.normed == nil ? d.columns : d.hidden, dh: dh, before: h.region,
          stride: h.stride, initial: h.initial, initialStride: h.initialStride,
          d: at(now, d.recurrent!, d.columns), carried: d.dHidden, lengths: lengths, time: now,
          reverse: step.reverse, batch: batch, hidden: d.hidden))
    case .rnn:
      let (out, stride) = cellOutput(step)
      each(
        batch * d.hidden,
        .rnnStepBack(
          gates: gates, out: out, outStride: stride, dh: dh, lengths: lengths, time: now,
          reverse: step.reverse, batch: batch, hidden: d.hidden, relu: relu))
    }
  }

  private mutating func backwardLSTM(_ step: StepPosition, _ dh: Region) {
    let (s, d, now, c) = (step.s, step.d, step.now, cellBefore(step))
    let (gates, squashed) = (at(now, d.gates, d.columns), at(now, s.squashed!, d.hidden))
    each(
      batch * d.hidden,
      .lstmOutputBack(
        gates: gates, squashed: squashed, dh: dh, lengths: lengths, time: now, reverse: step.reverse,
        batch: batch, hidden: d.hidden))
    if let norm = s.cellNorm { normalizeBack(norm, squashed, row: now * batch, rows: batch) }
    each(
      batch * d.hidden,
      .lstmCellsBack(
        gates: gates, s: s.cellNorm.map { at(now, $0.dx, d.hidden) } ?? squashed, dc: d.dCell,
        before: c.region, stride: c.stride, initial: c.initial, initialStride: c.initialStride,
        zone: s.cellZone.map { at(now, $0, d.hidden) }, start: step.isLast.flag, lengths: lengths,
        time: now, reverse: step.reverse, batch: batch, hidden: d.hidden))
  }

  // MARK: Gradients of parameters

  /// Lists that need nothing from one another.
  mutating func weightGradients(_ s: StepwiseDirection) -> [[StepProgram.Operation]] {
    let (d, rows) = (s.d, steps * batch)
    return [
      written { $0.inputWeightGradient(d, s.dInputGates) },
      written { b in
        b.weightGradient(
          d.recurrentWeight, s.dRecurrentGates, d.columns, s.seen, d.width, rows: rows)
      },
      written { b in
        guard let projection = s.projection else { return }
        b.weightGradient(projection, s.dNarrow, d.width, s.wide!, d.hidden, rows: rows)
      },
      written { b in
        guard let input = d.inputBias, let recurrent = d.recurrentBias else { return }
        b.columnSums(s.dInputGates, rows: rows, columns: d.columns, to: b.gradient(input))
        b.columnSums(s.dRecurrentGates, rows: rows, columns: d.columns, to: b.gradient(recurrent))
      },
      written { b in
        if let norm = s.inputNorm { b.normGradients(norm, d.gates) }
        if let norm = s.recurrentNorm { b.normGradients(norm, s.dRecurrentSums) }
        if let norm = s.cellNorm { b.normGradients(norm, s.squashed!) }
      },
      written { $0.initialGradients(d) },
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
