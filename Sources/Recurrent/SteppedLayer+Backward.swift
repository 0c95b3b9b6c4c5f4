import CKernels
import Kernels

extension SteppedLayer {
  func backward(_ pass: RecurrentLayer.Pass, _ g: RecurrentLayer.Gradients) {
    prepareBackward(pass.rows)
    start(dHidden.base, from: g.dFinalHidden, count: pass.rows.batch * sizes.units)
    start(dCell.base, from: g.dFinalCell, count: cell == .lstm ? pass.rows.batch * sizes.cellUnits : 0)
    team.run(.recurrenceBackward, operations: operations(pass)) { share in
      let steps = walk(pass.rows, pass.rows.part(of: share.index, among: share.count))
      for step in steps.reversed() { retreat(pass, g, step) }
    }
    if let inputNorm { normalizeInputBackward(inputNorm, rows: pass.rows.count) }
    g.parameters.add(ranges.all, batch: pass.rows.batch, team) { part in
      parameterGradients(pass, pass.rows.groups(of: part.sequences), part.gradients)
    }
    guard let dInput = g.dInput else { return }
    let count = pass.rows.count
    team.run(.inputGradients, operations: count * input.rows.count * input.columns.count) { share in
      let part = share.of(count)
      input.multiplyBack(
        dInputGates + part.lowerBound * gateWidth, stride: gateWidth, count: part.count,
        to: dInput + part.lowerBound * g.dInputStride, stride: g.dInputStride, adding: g.accumulate)
    }
  }

  private func normalizeInputBackward(_ norm: LayerNorm, rows: Int) {
    team.run(.inputGradients, operations: rows * gateWidth) { share in
      let part = share.of(rows)
      let start = part.lowerBound * gateWidth
      norm.backward(
        gates.base + start, inputX.base + start,
        deviation: inputDeviation.base + part.lowerBound * norm.deviations, dx: dInputProducts.base + start,
        rows: part.count)
    }
  }

  private func start(_ to: UnsafeMutablePointer<Float>, from: UnsafePointer<Float>?, count: Int) {
    if let from { to.update(from: from, count: count) } else { to.update(repeating: 0, count: count) }
  }

  /// Gradients of what the input product gave and of what the recurrent product gave, `[N, G·Hp]`.
  private var dInputGates: UnsafeMutablePointer<Float> { inputNorm == nil ? gates.base : dInputProducts.base }
  private var dRecurrentGates: UnsafeMutablePointer<Float> {
    recurrentNorm == nil ? dRecurrentSums : dProducts.base
  }
  /// Gradient of the recurrent part as the gates see it: that of the gates, but for GRU.
  private var dRecurrentSums: UnsafeMutablePointer<Float> { cell == .gru ? dRecurrent.base : gates.base }

  private func retreat(_ pass: RecurrentLayer.Pass, _ g: RecurrentLayer.Gradients, _ step: Step) {
    let (first, row, count) = (step.first, step.rows.lowerBound, step.rows.count)
    let (width, units, cellUnits) = (gateWidth, sizes.units, sizes.cellUnits)
    let carried = dHidden.base + row * units
    let narrow = dNarrow.base + first * units
    functions.emit_back(
      g.dOutput.map { $0 + first * g.dOutputStride }, g.dOutputStride, zone(hiddenZone, first * units),
      carried, narrow, units, count)
    var dh = UnsafePointer(narrow)
    if let projection {
      let wide = dWide.base + row * cellUnits
      projection.multiplyBack(narrow, stride: units, count: count, to: wide, stride: cellUnits)
      dh = UnsafePointer(wide)
    }
    switch cell {
    case .lstm: retreatLSTM(pass, step, dh)
    case .gru: forEachSpan(pass, step) { retreatGRU($0, dh + ($0.row - row) * cellUnits) }
    case .rnn, .none: retreatRNN(first, count, dh)
    }
    recurrentNorm?.backward(
      dRecurrentSums + first * width, products.base + first * width,
      deviation: recurrentDeviation.base + first * recurrentNorm!.deviations,
      dx: dProducts.base + first * width, rows: count)
    let before = dBefore.base + row * units
    recurrent.multiplyBack(
      dRecurrentGates + first * width, stride: width, count: count, to: before, stride: units)
    functions.see_back(
      before, options.recurrentDropout > 0 ? recurrentMask.base + row * units : nil, carried, units, count)
  }

  private func retreatLSTM(_ pass: RecurrentLayer.Pass, _ step: Step, _ dh: UnsafePointer<Float>) {
    let (units, count) = (sizes.cellUnits, step.rows.count)
    let start = step.first * units
    // Holds the gradient of the new c from here on.
    let s = squashed.base + start
    functions.lstm_output_back(gates.base + step.first * gateWidth, s, dh, units, count)
    if let cellNorm {
      let d = dCellX.base + start
      d.update(from: s, count: count * units)
      cellNorm.backward(
        d, cellX.base + start, deviation: cellDeviation.base + step.first, dx: s, rows: count)
    }
    forEachSpan(pass, step) { span in
      let at = span.at * units
      functions.lstm_cells_back(
        gates.base + span.at * gateWidth, squashed.base + at, dCell.base + span.row * units, span.cell,
        zone(cellZone, at), units, span.count)
    }
  }

  private func retreatGRU(_ span: Span, _ dh: UnsafePointer<Float>) {
    let m = recurrentPart(span.at)
    functions.gru_back(
      gates.base + span.at * gateWidth, m.base, m.stride, dh, span.hidden, span.hiddenStride,
      dRecurrent.base + span.at * gateWidth, dHidden.base + span.row * sizes.units, sizes.cellUnits,
      span.count)
  }

  private func retreatRNN(_ first: Int, _ count: Int, _ dh: UnsafePointer<Float>) {
    let (units, f) = (sizes.cellUnits, kernels.functions)
    let (h, d) = (wide.base + first * units, gates.base + first * units)
    if relu { f.relu_back(h, dh, d, count * units) } else { f.tanh_back(h, dh, d, count * units) }
  }

  /// One merged product per weight over these rows, in an order that does not depend on the threads.
  private func parameterGradients(
    _ pass: RecurrentLayer.Pass, _ groups: RowGroups, _ parameters: UnsafeMutablePointer<Float>
  ) {
    let width = gateWidth
    inputNorm?.addGradients(gates.base, inputX.base, groups, to: parameters)
    recurrentNorm?.addGradients(dRecurrentSums, products.base, groups, to: parameters)
    cellNorm?.addGradients(dCellX.base, cellX.base, groups, to: parameters)
    input.addGradient(
      dInputGates, stride: width, pass.input, stride: pass.inputStride, groups, to: parameters, team)
    recurrent.addGradient(
      dRecurrentGates, stride: width, seen.base, stride: sizes.units, groups, to: parameters, team)
    projection?.addGradient(
      dNarrow.base, stride: sizes.units, wide.base, stride: sizes.cellUnits, groups, to: parameters, team)
    inputBias?.addGradient(dInputGates, stride: width, groups, to: parameters, kernels)
    recurrentBias?.addGradient(dRecurrentGates, stride: width, groups, to: parameters, kernels)
  }
}
