import Batches
import CKernels
import Kernels

extension StepwiseLayer {
  /// Some rows of one step, and where the rows of the previous step lie.
  struct StepRows {
    var time: Int
    /// Rows of the batch.
    var rows: Range<Int>
    /// Where row 0 lies.
    var at: Int
    var before: Int
    /// How many rows go on from the step before; those after start from the initial state.
    var shared: Int

    var first: Int { at + rows.lowerBound }
  }

  /// Rows of a step that start alike, from the previous step or from the initial state.
  struct RowSpan {
    /// The first one's row of the batch, and where it lies.
    var row: Int
    var at: Int
    var count: Int
    /// What the first one starts from; nil for zero.
    var hidden: UnsafePointer<Float>?
    var hiddenStride: Int
    var cell: UnsafePointer<Float>?

    /// Those of them that are in a part of the batch, or nil.
    func `in`(_ part: Range<Int>, _ cellUnits: Int) -> RowSpan? {
      let rows = part.clamped(to: row..<row + count)
      guard !rows.isEmpty else { return nil }
      let skipped = rows.lowerBound - row
      return RowSpan(
        row: rows.lowerBound, at: at + skipped, count: rows.count,
        hidden: hidden.map { $0 + skipped * hiddenStride }, hiddenStride: hiddenStride,
        cell: cell.map { $0 + skipped * cellUnits })
    }
  }

  @inline(__always)
  func forEachSpan(_ pass: RecurrentLayer.LayerPass, _ step: StepRows, _ body: (RowSpan) -> Void) {
    let rows = step.rows
    let middle = min(max(step.shared, rows.lowerBound), rows.upperBound)
    if rows.lowerBound < middle {
      let row = rows.lowerBound
      body(
        RowSpan(
          row: row, at: step.at + row, count: middle - row,
          hidden: UnsafePointer(pass.output + (step.before + row) * pass.outputStride),
          hiddenStride: pass.outputStride,
          cell: cell.hasCellState ? UnsafePointer(cells.base + (step.before + row) * sizes.cellUnits) : nil))
    }
    if middle < rows.upperBound {
      body(
        RowSpan(
          row: middle, at: step.at + middle, count: rows.upperBound - middle,
          hidden: pass.h0.map { $0 + middle * sizes.units }, hiddenStride: sizes.units,
          cell: pass.c0.map { $0 + middle * sizes.cellUnits }))
    }
  }

  var functions: rk_stepwise { kernels.functions.stepwise }

  /// What the recurrent product gave of this row, or its place until the next step.
  func product(_ row: Int, at: Int) -> UnsafeMutablePointer<Float> {
    products.base + (keepsProducts ? at : row) * gateWidth
  }

  /// The cell's own output, likewise.
  func wide(_ row: Int, at: Int) -> UnsafeMutablePointer<Float> {
    wide.base + (keepsWide ? at : row) * sizes.cellUnits
  }

  /// c of each row as the step computed it, before zoneout.
  func freshCell(_ at: Int) -> UnsafeMutablePointer<Float> {
    (freshCells.count > 0 ? freshCells.base : cells.base) + at * sizes.cellUnits
  }

  /// The steps in the order they are computed, each with those of the rows `part` that are there.
  func steps(_ rows: BatchRows, _ part: Range<Int>) -> [StepRows] {
    func count(_ step: Int) -> Int {
      step >= 0 && step < rows.steps ? rows.start(step + 1) - rows.start(step) : 0
    }
    let times = reverse ? Array((0..<rows.steps).reversed()) : Array(0..<rows.steps)
    return times.compactMap { time in
      let other = reverse ? time + 1 : time - 1
      let end = min(part.upperBound, count(time))
      guard part.lowerBound < end else { return nil }
      let shared = min(count(time), count(other))
      return StepRows(
        time: time, rows: part.lowerBound..<end, at: rows.start(time),
        before: shared > 0 ? rows.start(other) : 0,
        shared: shared)
    }
  }

  func forward(_ pass: RecurrentLayer.LayerPass) {
    let count = pass.rows.count
    drawRecurrentMasks(pass)
    let side = input.side(.forward, rows: count)
    team.run(.projection, operations: count * input.rows.count * input.columns.count) { share in
      project(pass, share.of(count), side)
    }
    team.run(.recurrence, operations: operations(pass)) { share in
      for step in steps(pass.rows, pass.rows.part(of: share.index, among: share.count)) {
        forward(pass, step)
      }
    }
  }

  func operations(_ pass: RecurrentLayer.LayerPass) -> Int {
    pass.rows.count * (gateWidth * sizes.units + (projection == nil ? 0 : sizes.units * sizes.cellUnits))
  }

  /// The input's part of the gates; with layer norm before it, and its moments.
  private func project(_ pass: RecurrentLayer.LayerPass, _ rows: Range<Int>, _ side: ProductWeight.Backend) {
    let to = inputNorm == nil ? gates.base : inputProducts.base
    // Rows are normalized while they are near.
    let most = inputNorm == nil ? rows.count : 96
    for first in stride(from: rows.lowerBound, to: rows.upperBound, by: max(most, 1)) {
      let count = min(most, rows.upperBound - first)
      let product = to + first * gateWidth
      input.multiply(
        side, pass.input + first * pass.inputStride, stride: pass.inputStride, count: count,
        bias: inputBias?.base,
        to: product, stride: gateWidth)
      inputNorm?.measure(product, moments: inputMoments.base + first * inputNorm!.moments, rows: count)
    }
  }

  private func forward(_ pass: RecurrentLayer.LayerPass, _ step: StepRows) {
    let (first, row, count) = (step.first, step.rows.lowerBound, step.rows.count)
    let (units, cellUnits) = (sizes.units, sizes.cellUnits)
    drawZones(pass, step)
    forEachSpan(pass, step) { span in
      functions.mask_state(
        span.hidden, span.hiddenStride, recurrentMask(pass, row: span.row), seen.base + span.at * units,
        units,
        span.count)
    }
    recurrent.multiply(
      .own, seen.base + first * units, stride: units, count: count, bias: recurrentBias?.base,
      to: product(row, at: first), stride: gateWidth)
    if cell.gatedState != nil { forwardGatedState(step) }
    forEachSpan(pass, step) { span in
      if inputNorm == nil { forward(pass, span) } else { forwardNormed(pass, span) }
    }
    var new = wide(row, at: first)
    if let projection {
      let narrow = narrow.base + row * units
      projection.multiply(.own, new, stride: cellUnits, count: count, bias: nil, to: narrow, stride: units)
      new = narrow
    }
    forEachSpan(pass, step) { span in
      functions.apply_zoneout(
        new + (span.row - row) * units, span.hidden, span.hiddenStride, hiddenZone(pass, span.at),
        pass.output + span.at * pass.outputStride, pass.outputStride, units, span.count)
    }
  }

  /// i f g o; Hochreiter & Schmidhuber 1997 as in `torch.nn.LSTM`, or with peepholes.
  /// r z n; Cho et al. 2014, the reset gate after the recurrent product as in `torch.nn.GRU`, or in front of it.
  private func forward(_ pass: RecurrentLayer.LayerPass, _ span: RowSpan) {
    let (units, count, at) = (sizes.cellUnits, span.count, span.at * sizes.cellUnits)
    let (gates, h) = (gates.base + span.at * gateWidth, wide(span.row, at: span.at))
    let product = product(span.row, at: span.at)
    switch kind {
    case .lstm where peepholes != nil:
      functions.peephole_lstm(
        gates, product, peepholes!.base, span.cell, cells.base + at, squashed.base + at, h,
        cellZone(pass, span.at), units, count)
    case .gru where gatedRecurrent != nil:
      functions.reset_gru_new(gates, product, span.hidden, span.hiddenStride, h, units, count)
    case .lstm:
      functions.lstm(
        gates, product, span.cell, cells.base + at, squashed.base + at, h, cellZone(pass, span.at), units,
        count)
    case .gru: functions.gru(gates, product, span.hidden, span.hiddenStride, h, units, count)
    case .rnn, .none:
      functions.mask_state_back(product, nil, gates, units, count)
      let activate = relu ? kernels.functions.relu : kernels.functions.tanh
      activate(gates, h, count * units)
    }
  }

  /// r and z of a step, and the product of n, which reads r·h.
  private func forwardGatedState(_ step: StepRows) {
    let (first, row, count, units) = (step.first, step.rows.lowerBound, step.rows.count, sizes.cellUnits)
    let (product, seen) = (product(row, at: first), gatedSeen.base + first * units)
    functions.reset_gru(
      gates.base + first * gateWidth, product, self.seen.base + first * units, seen, units, count)
    let column = gatedColumn
    gatedRecurrent!.multiply(
      .own, seen, stride: units, count: count, bias: recurrentBias.map { $0.base + column },
      to: product + column, stride: gateWidth)
  }

  /// Where the gate that reads h after another one begins in a row of gates.
  var gatedColumn: Int { cell.gatedState!.gate * sizes.cellUnits }

  /// The norms of what a row's gates, and an LSTM's c, are made of.
  /// - part: in backward, the part of the batch the row belongs to.
  func normed(_ row: Int, part: Int? = nil) -> (input: rk_normed, recurrent: rk_normed) {
    let (input, recurrent) = (inputNorm!, recurrentNorm!)
    let at = row * gateWidth
    return (
      input.rows(inputProducts.base + at, moments: inputMoments.base + row * input.moments, part: part),
      recurrent.rows(products.base + at, moments: recurrentMoments.base + row * recurrent.moments, part: part)
    )
  }
  func normedCell(_ row: Int, part: Int? = nil) -> rk_normed {
    cellNorm!.rows(freshCell(row), moments: cellMoments.base + row * cellNorm!.moments, part: part)
  }

  private func forwardNormed(_ pass: RecurrentLayer.LayerPass, _ span: RowSpan) {
    let (count, at) = (span.count, span.at * sizes.cellUnits)
    let (gates, h) = (gates.base + span.at * gateWidth, wide(span.row, at: span.at))
    var (input, recurrent) = normed(span.at)
    switch kind {
    case .lstm:
      var cell = normedCell(span.at)
      functions.normed_lstm(
        &input, &recurrent, &cell, gates, span.cell, cells.base + at, squashed.base + at, h,
        cellZone(pass, span.at), count)
    case .gru: functions.normed_gru(&input, &recurrent, gates, span.hidden, span.hiddenStride, h, count)
    case .rnn, .none: functions.normed_rnn(&input, &recurrent, h, relu ? 1 : 0, count)
    }
  }
}
