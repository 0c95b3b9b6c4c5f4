import CKernels
import Kernels

extension StepwiseLayer {
  func backward(_ pass: RecurrentLayer.LayerPass, _ g: RecurrentLayer.Gradients) {
    let parts = normParts(g.parameters.sequences(batch: pass.rows.batch))
    prepareBackward(pass.rows, parts: parts.count)
    start(dHidden.base, from: g.dFinalHidden, count: pass.rows.batch * sizes.units)
    start(dCell.base, from: g.dFinalCell, count: cell.hasCellState ? pass.rows.batch * sizes.cellUnits : 0)
    team.run(.recurrenceBackward, operations: operations(pass)) { share in
      let scratch = dGates.base + (inputNorm == nil ? 0 : share.index * rowGradients)
      let rows = pass.rows.part(of: share.index, among: share.count)
      let work = BackwardShare(pass: pass, g: g, scratch: scratch, parts: parts, rows: rows)
      for step in steps(pass.rows, work.rows).reversed() { backward(work, step) }
    }
    g.parameters.add(ranges.all, batch: pass.rows.batch, team) { part in
      let normed = parts.indices.filter { part.sequences.contains(parts[$0].lowerBound) }
      addNormGradients(normed.first.map { $0..<$0 + normed.count } ?? 0..<0, part.gradients)
      parameterGradients(pass, pass.rows.groups(of: part.sequences), part.gradients)
    }
    guard let dInput = g.dInput else { return }
    let count = pass.rows.count
    let side = input.side(.back, rows: count)
    team.run(.inputGradients, operations: count * input.rows.count * input.columns.count) { share in
      let part = share.of(count)
      input.multiplyBack(
        side, dInputGates + part.lowerBound * gateWidth, stride: gateWidth, count: part.count,
        to: dInput + part.lowerBound * g.dInputStride, stride: g.dInputStride, adding: g.accumulate)
    }
  }

  /// Parts of a batch over whose rows the gradients of norms are summed, each by one thread: whatever their number, the bits are the
  /// same, and those of a lane are the ones it has alone.
  private func normParts(_ lanes: [Range<Int>]) -> [Range<Int>] {
    guard inputNorm != nil else { return [] }
    return lanes.flatMap { lane -> [Range<Int>] in
      guard !lane.isEmpty else { return [] }
      var count = 1
      while 4 * count <= lane.count && count < 16 { count *= 2 }
      let cut = { lane.lowerBound + lane.count * $0 / count }
      return (0..<count).map { cut($0)..<cut($0 + 1) }
    }
  }

  /// What one thread goes back over.
  private struct BackwardShare {
    let pass: RecurrentLayer.LayerPass
    let g: RecurrentLayer.Gradients
    /// Gradients of one row of gates.
    let scratch: UnsafeMutablePointer<Float>
    /// With layer norm, parts of the batch; this thread's are those in `own`.
    let parts: [Range<Int>]
    let own: Range<Int>
    /// Rows of the batch.
    let rows: Range<Int>

    init(
      pass: RecurrentLayer.LayerPass, g: RecurrentLayer.Gradients, scratch: UnsafeMutablePointer<Float>,
      parts: [Range<Int>], rows: Range<Int>
    ) {
      (self.pass, self.g, self.scratch, self.parts) = (pass, g, scratch, parts)
      guard !parts.isEmpty else {
        (own, self.rows) = (0..<0, rows)
        return
      }
      let first = parts.firstIndex { $0.lowerBound >= rows.lowerBound } ?? parts.count
      let end = parts.firstIndex { $0.lowerBound >= rows.upperBound } ?? parts.count
      own = first..<end
      self.rows = own.isEmpty ? 0..<0 : parts[first].lowerBound..<parts[end - 1].upperBound
    }
  }

  private func start(_ to: UnsafeMutablePointer<Float>, from: UnsafePointer<Float>?, count: Int) {
    if let from { to.update(from: from, count: count) } else { to.update(repeating: 0, count: count) }
  }

  /// Gradients of what the input product gave and of what the recurrent product gave, `[N, G·Hp]`.
  private var dInputGates: UnsafeMutablePointer<Float> { inputNorm == nil ? gates.base : inputProducts.base }
  private var dRecurrentGates: UnsafeMutablePointer<Float> { keepsProducts ? products.base : gates.base }

  private func backward(_ work: BackwardShare, _ step: StepRows) {
    let (first, row, count) = (step.first, step.rows.lowerBound, step.rows.count)
    let (units, cellUnits) = (sizes.units, sizes.cellUnits)
    let carried = dHidden.base + row * units
    let narrow = dNarrow.base + (projection == nil ? row : first) * units
    let g = work.g
    functions.apply_zoneout_back(
      g.dOutput.map { $0 + first * g.dOutputStride }, g.dOutputStride, hiddenZone(work.pass, first), carried,
      narrow, units, count)
    var dh = UnsafePointer(narrow)
    if let projection {
      let wide = dWide.base + row * cellUnits
      projection.multiplyBack(.own, narrow, stride: units, count: count, to: wide, stride: cellUnits)
      dh = UnsafePointer(wide)
    }
    forEachSpan(work.pass, step) { span in
      guard inputNorm != nil else { return backward(work, span, dh + (span.row - row) * cellUnits) }
      for part in work.own {
        if let span = span.in(work.parts[part], cellUnits) {
          backwardNormed(work, span, dh + (span.row - row) * cellUnits, part)
        }
      }
    }
    let before = dBefore.base + row * units
    if cell.gatedState != nil { backwardGatedState(step, to: before) }
    recurrent.multiplyBack(
      .own, dRecurrentGates + first * gateWidth, stride: gateWidth, count: count, to: before, stride: units,
      adding: cell.gatedState != nil)
    functions.mask_state_back(before, recurrentMask(work.pass, row: row), carried, units, count)
  }

  /// Through the product of n, and what it read, to the gradient of what the recurrent product read.
  private func backwardGatedState(_ step: StepRows, to dSeen: UnsafeMutablePointer<Float>) {
    let (first, row, count, units) = (step.first, step.rows.lowerBound, step.rows.count, sizes.cellUnits)
    let (gates, dReset) = (gates.base + first * gateWidth, dGatedSeen.base + row * units)
    gatedRecurrent!.multiplyBack(
      .own, gates + gatedColumn, stride: gateWidth, count: count, to: dReset, stride: units)
    functions.reset_gru_back(gates, dReset, seen.base + first * units, dSeen, units, count)
  }

  private func backward(_ work: BackwardShare, _ span: RowSpan, _ dh: UnsafePointer<Float>) {
    let (units, count, at) = (sizes.cellUnits, span.count, span.at * sizes.cellUnits)
    let gates = gates.base + span.at * gateWidth
    switch kind {
    case .lstm where peepholes != nil:
      functions.peephole_lstm_back(
        gates, peepholes!.base, dPeepholes.base + span.at * peepholeWidth, squashed.base + at, dh,
        dCell.base + span.row * units, span.cell, cellZone(work.pass, span.at), units, count)
    case .gru where gatedRecurrent != nil:
      functions.reset_gru_new_back(
        gates, dh, span.hidden, span.hiddenStride, dHidden.base + span.row * units, units, count)
    case .lstm:
      functions.lstm_back(
        gates, squashed.base + at, dh, dCell.base + span.row * units, span.cell, cellZone(work.pass, span.at),
        units, count)
    case .gru:
      functions.gru_back(
        gates, product(span.row, at: span.at), dh, span.hidden, span.hiddenStride,
        dHidden.base + span.row * units, units, count)
    case .rnn, .none:
      let activateBack = relu ? kernels.functions.relu_back : kernels.functions.tanh_back
      activateBack(wide.base + at, dh, gates, count * units)
    }
  }

  private func backwardNormed(_ work: BackwardShare, _ span: RowSpan, _ dh: UnsafePointer<Float>, _ part: Int)
  {
    let (units, count, at) = (sizes.cellUnits, span.count, span.at * sizes.cellUnits)
    let gates = gates.base + span.at * gateWidth
    var (input, recurrent) = normed(span.at, part: part)
    switch kind {
    case .lstm:
      var cell = normedCell(span.at, part: part)
      functions.normed_lstm_back(
        &input, &recurrent, &cell, gates, squashed.base + at, dh, dCell.base + span.row * units, span.cell,
        cellZone(work.pass, span.at), work.scratch, count)
    case .gru:
      functions.normed_gru_back(
        &input, &recurrent, gates, dh, span.hidden, span.hiddenStride, dHidden.base + span.row * units,
        work.scratch, count)
    case .rnn, .none:
      functions.normed_rnn_back(
        &input, &recurrent, wide.base + at, dh, work.scratch, relu ? 1 : 0, count)
    }
  }

  private var peepholeWidth: Int { cell.peepholes!.count * sizes.cellUnits }

  private func addNormGradients(_ parts: Range<Int>, _ parameters: UnsafeMutablePointer<Float>) {
    for norm in [inputNorm, recurrentNorm, cellNorm] { norm?.addGradients(parts, to: parameters) }
  }

  /// One merged product per weight over these rows, in an order that does not depend on the threads.
  private func parameterGradients(
    _ pass: RecurrentLayer.LayerPass, _ groups: RowGroups, _ parameters: UnsafeMutablePointer<Float>
  ) {
    let width = gateWidth
    input.addGradient(
      dInputGates, stride: width, pass.input, stride: pass.inputStride, groups, to: parameters)
    recurrent.addGradient(
      dRecurrentGates, stride: width, seen.base, stride: sizes.units, groups, to: parameters)
    if let gatedRecurrent {
      gatedRecurrent.addGradient(
        dRecurrentGates + gatedColumn, stride: width, gatedSeen.base, stride: sizes.cellUnits, groups,
        to: parameters)
    }
    peepholes?.addGradient(dPeepholes.base, stride: peepholeWidth, groups, to: parameters, kernels)
    projection?.addGradient(
      dNarrow.base, stride: sizes.units, wide.base, stride: sizes.cellUnits, groups, to: parameters)
    guard let inputBias, let recurrentBias else { return }
    inputBias.addGradient(dInputGates, stride: width, groups, to: parameters, kernels)
    if dInputGates == dRecurrentGates {
      recurrentBias.addGradient(of: inputBias, to: parameters)
    } else {
      recurrentBias.addGradient(dRecurrentGates, stride: width, groups, to: parameters, kernels)
    }
  }
}
