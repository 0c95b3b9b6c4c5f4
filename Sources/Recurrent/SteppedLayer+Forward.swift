import CKernels
import Kernels

extension SteppedLayer {
  /// Some rows of one step, and where the rows of the step walked before it lie.
  struct Step {
    /// Rows of the batch.
    var rows: Range<Int>
    /// Where row 0 lies.
    var at: Int
    var before: Int
    /// How many rows go on from the step before; those behind start from the initial state.
    var shared: Int

    var first: Int { at + rows.lowerBound }
  }

  /// Rows of a step that start alike, from the step walked before or from the initial state.
  struct Span {
    /// The first one's row of the batch, and where it lies.
    var row: Int
    var at: Int
    var count: Int
    /// What the first one starts from; nil for zero.
    var hidden: UnsafePointer<Float>?
    var hiddenStride: Int
    var cell: UnsafePointer<Float>?
  }

  @inline(__always)
  func forEachSpan(_ pass: RecurrentLayer.Pass, _ step: Step, _ body: (Span) -> Void) {
    let rows = step.rows
    let middle = min(max(step.shared, rows.lowerBound), rows.upperBound)
    if rows.lowerBound < middle {
      let row = rows.lowerBound
      body(
        Span(
          row: row, at: step.at + row, count: middle - row,
          hidden: UnsafePointer(pass.output + (step.before + row) * pass.outputStride),
          hiddenStride: pass.outputStride,
          cell: cell == .lstm ? UnsafePointer(cells.base + (step.before + row) * sizes.cellUnits) : nil))
    }
    if middle < rows.upperBound {
      body(
        Span(
          row: middle, at: step.at + middle, count: rows.upperBound - middle,
          hidden: pass.h0.map { $0 + middle * sizes.units }, hiddenStride: sizes.units,
          cell: pass.c0.map { $0 + middle * sizes.cellUnits }))
    }
  }

  var functions: rk_stepped { kernels.functions.stepped }

  /// GRU: what the reset gate multiplies.
  func recurrentPart(_ row: Int) -> (base: UnsafePointer<Float>, stride: Int) {
    recurrentNorm == nil
      ? (UnsafePointer(products.base + row * gateWidth + 2 * sizes.cellUnits), gateWidth)
      : (UnsafePointer(normed.base + row * sizes.cellUnits), sizes.cellUnits)
  }

  /// The shares of the states before that are kept, nil without zoneout.
  func zone(_ zone: borrowing FloatBuffer, _ at: Int) -> UnsafePointer<Float>? {
    zone.count > 0 ? UnsafePointer(zone.base + at) : nil
  }

  /// The steps in the order they are walked, each with those of the rows `part` that are there.
  func walk(_ rows: BatchRows, _ part: Range<Int>) -> [Step] {
    func count(_ step: Int) -> Int {
      step >= 0 && step < rows.steps ? rows.start(step + 1) - rows.start(step) : 0
    }
    let times = reverse ? Array((0..<rows.steps).reversed()) : Array(0..<rows.steps)
    return times.compactMap { time in
      let other = reverse ? time + 1 : time - 1
      let end = min(part.upperBound, count(time))
      guard part.lowerBound < end else { return nil }
      let shared = min(count(time), count(other))
      return Step(
        rows: part.lowerBound..<end, at: rows.start(time), before: shared > 0 ? rows.start(other) : 0,
        shared: shared)
    }
  }

  func forward(_ pass: RecurrentLayer.Pass) {
    let count = pass.rows.count
    drawMasks(pass)
    team.run(.projection, operations: count * input.rows.count * input.columns.count) { share in
      project(pass, share.of(count))
    }
    team.run(.recurrence, operations: operations(pass)) { share in
      for step in walk(pass.rows, pass.rows.part(of: share.index, among: share.count)) { advance(pass, step) }
    }
  }

  func operations(_ pass: RecurrentLayer.Pass) -> Int {
    pass.rows.count * (gateWidth * sizes.units + (projection == nil ? 0 : sizes.units * sizes.cellUnits))
  }

  /// The input's part of the gates.
  private func project(_ pass: RecurrentLayer.Pass, _ rows: Range<Int>) {
    let (first, width) = (rows.lowerBound, gateWidth)
    let to = gates.base + first * width
    let product = inputNorm == nil ? to : inputX.base + first * width
    input.multiply(
      pass.input + first * pass.inputStride, stride: pass.inputStride, count: rows.count,
      bias: inputBias?.base, to: product, stride: width)
    guard let inputNorm else { return }
    inputNorm.normalize(
      product, deviation: inputDeviation.base + first * inputNorm.deviations, rows: rows.count)
    inputNorm.apply(product, 0..<width, to: to, stride: width, adding: false, rows: rows.count)
  }

  private func advance(_ pass: RecurrentLayer.Pass, _ step: Step) {
    let (first, count) = (step.first, step.rows.count)
    let (width, units, cellUnits) = (gateWidth, sizes.units, sizes.cellUnits)
    let isMasked = options.recurrentDropout > 0
    forEachSpan(pass, step) { span in
      functions.see(
        span.hidden, span.hiddenStride, isMasked ? recurrentMask.base + span.row * units : nil,
        seen.base + span.at * units, units, span.count)
    }
    recurrent.multiply(
      seen.base + first * units, stride: units, count: count, bias: recurrentBias?.base,
      to: products.base + first * width, stride: width)
    if let recurrentNorm { normalizeRecurrent(recurrentNorm, first, count) }
    switch cell {
    case .lstm: advanceLSTM(pass, step)
    case .gru: forEachSpan(pass, step) { advanceGRU($0) }
    case .rnn, .none: advanceRNN(first, count)
    }
    projection?.multiply(
      wide.base + first * cellUnits, stride: cellUnits, count: count, bias: nil,
      to: narrow.base + first * units, stride: units)
    let new = projection == nil ? wide.base : narrow.base
    forEachSpan(pass, step) { span in
      functions.emit(
        new + span.at * units, span.hidden, span.hiddenStride, zone(hiddenZone, span.at * units),
        pass.output + span.at * pass.outputStride, pass.outputStride, units, span.count)
    }
  }

  /// Adds the normalized recurrent part to the gates, but for GRU's n: the reset gate comes before.
  private func normalizeRecurrent(_ norm: LayerNorm, _ first: Int, _ count: Int) {
    let (width, units) = (gateWidth, sizes.cellUnits)
    let product = products.base + first * width
    norm.normalize(product, deviation: recurrentDeviation.base + first * norm.deviations, rows: count)
    let added = cell == .gru ? 2 * units : width
    norm.apply(
      product, 0..<added, to: gates.base + first * width, stride: width, adding: true, rows: count)
    guard cell == .gru else { return }
    norm.apply(
      product, added..<width, to: normed.base + first * units, stride: units, adding: false, rows: count)
  }

  /// What is still to be added to the gates of a row.
  private func addend(_ row: Int) -> UnsafePointer<Float>? {
    recurrentNorm == nil ? UnsafePointer(products.base + row * gateWidth) : nil
  }

  /// i f g o; Hochreiter & Schmidhuber 1997 as in `torch.nn.LSTM`.
  private func advanceLSTM(_ pass: RecurrentLayer.Pass, _ step: Step) {
    let units = sizes.cellUnits
    forEachSpan(pass, step) { span in
      functions.lstm_cells(
        gates.base + span.at * gateWidth, addend(span.at), span.cell, cells.base + span.at * units, units,
        span.count)
    }
    let start = step.first * units
    if let cellNorm {
      let x = cellX.base + start
      x.update(from: cells.base + start, count: step.rows.count * units)
      cellNorm.normalize(x, deviation: cellDeviation.base + step.first, rows: step.rows.count)
      cellNorm.apply(
        x, 0..<units, to: squashed.base + start, stride: units, adding: false, rows: step.rows.count)
    }
    let read = cellNorm == nil ? cells.base : squashed.base
    forEachSpan(pass, step) { span in
      let at = span.at * units
      functions.lstm_output(
        gates.base + span.at * gateWidth, read + at, squashed.base + at, wide.base + at, cells.base + at,
        span.cell, zone(cellZone, at), units, span.count)
    }
  }

  /// r z n; Cho et al. 2014 as in `torch.nn.GRU`, the reset gate behind the recurrent product.
  private func advanceGRU(_ span: Span) {
    let m = recurrentPart(span.at)
    functions.gru(
      gates.base + span.at * gateWidth, addend(span.at), m.base, m.stride, span.hidden, span.hiddenStride,
      wide.base + span.at * sizes.cellUnits, sizes.cellUnits, span.count)
  }

  private func advanceRNN(_ first: Int, _ count: Int) {
    let (units, f) = (sizes.cellUnits, kernels.functions)
    let (gate, h) = (gates.base + first * units, wide.base + first * units)
    if let addend = addend(first) { functions.see_back(addend, nil, gate, units, count) }
    if relu { f.relu(gate, h, count * units) } else { f.tanh(gate, h, count * units) }
  }
}
