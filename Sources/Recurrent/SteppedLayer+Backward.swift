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
    if let inputNorm {
      for row in 0..<pass.rows.count {
        inputNorm.backward(
          gates.base + row * gateWidth, inputX.base + row * gateWidth,
          deviation: inputDeviation.base + row * inputNorm.deviations,
          dx: dInputProducts.base + row * gateWidth)
      }
    }
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
    let (width, units, cellUnits) = (gateWidth, sizes.units, sizes.cellUnits)
    for row in step.rows { splitZone(step, row, g) }
    let narrow = dNarrow.base + step.first * units
    let dWideRows = dWide.base + step.rows.lowerBound * cellUnits
    projection?.multiplyBack(narrow, stride: units, count: step.rows.count, to: dWideRows, stride: cellUnits)
    for row in step.rows {
      let at = step.at + row
      let dh = projection == nil ? dNarrow.base + at * units : dWide.base + row * cellUnits
      switch cell {
      case .lstm: retreatLSTM(at, row, dh, before: cellBefore(pass, step, row))
      case .gru: retreatGRU(at, row, dh, before: hiddenBefore(pass, step, row))
      case .rnn, .none: retreatRNN(at, dh)
      }
      recurrentNorm?.backward(
        dRecurrentSums + at * width, products.base + at * width,
        deviation: recurrentDeviation.base + at * recurrentNorm!.deviations, dx: dProducts.base + at * width)
    }
    let before = dBefore.base + step.rows.lowerBound * units
    recurrent.multiplyBack(
      dRecurrentGates + step.first * width, stride: width, count: step.rows.count, to: before, stride: units)
    for row in step.rows {
      let (from, to) = (dBefore.base + row * units, dHidden.base + row * units)
      if options.recurrentDropout > 0 {
        let mask = recurrentMask.base + row * units
        for u in 0..<units { to[u] += from[u] * mask[u] }
      } else {
        for u in 0..<units { to[u] += from[u] }
      }
    }
  }

  /// The output's gradient: the share of the state before stays in dHidden, that of the new one goes to dNarrow.
  private func splitZone(_ step: Step, _ row: Int, _ g: RecurrentLayer.Gradients) {
    let (at, units) = (step.at + row, sizes.units)
    let (carried, new) = (dHidden.base + row * units, dNarrow.base + at * units)
    if let dOutput = g.dOutput {
      let d = dOutput + at * g.dOutputStride
      for u in 0..<units { new[u] = carried[u] + d[u] }
    } else {
      new.update(from: carried, count: units)
    }
    if options.zoneout.hidden > 0 {
      let z = hiddenZone.base + at * units
      for u in 0..<units {
        carried[u] = new[u] * z[u]
        new[u] -= carried[u]
      }
    } else {
      carried.update(repeating: 0, count: units)
    }
  }

  private func retreatLSTM(
    _ at: Int, _ row: Int, _ dh: UnsafePointer<Float>, before: UnsafePointer<Float>
  ) {
    let units = sizes.cellUnits
    let (i, f) = (gates.base + at * gateWidth, gates.base + at * gateWidth + units)
    let (g, o) = (i + 2 * units, i + 3 * units)
    let (s, dc) = (squashed.base + at * units, dCell.base + row * units)
    // s holds the gradient of the new c from here on.
    for u in 0..<units {
      let d = dh[u] * o[u] * (1 - s[u] * s[u])
      o[u] = dh[u] * s[u] * o[u] * (1 - o[u])
      s[u] = d
    }
    if let cellNorm {
      let d = dCellX.base + at * units
      d.update(from: s, count: units)
      cellNorm.backward(d, cellX.base + at * units, deviation: cellDeviation.base + at, dx: s)
    }
    if options.zoneout.cell > 0 {
      let z = cellZone.base + at * units
      for u in 0..<units {
        s[u] += (1 - z[u]) * dc[u]
        dc[u] *= z[u]
      }
    } else {
      for u in 0..<units {
        s[u] += dc[u]
        dc[u] = 0
      }
    }
    for u in 0..<units {
      let (d, input, forget, new) = (s[u], i[u], f[u], g[u])
      i[u] = d * new * input * (1 - input)
      f[u] = d * before[u] * forget * (1 - forget)
      g[u] = d * input * (1 - new * new)
      dc[u] += d * forget
    }
  }

  private func retreatGRU(
    _ at: Int, _ row: Int, _ dh: UnsafePointer<Float>, before: UnsafePointer<Float>
  ) {
    let units = sizes.cellUnits
    let r = gates.base + at * gateWidth
    let (z, n, m) = (r + units, r + 2 * units, recurrentPart(at))
    let (carried, d) = (dHidden.base + row * units, dRecurrent.base + at * gateWidth)
    for u in 0..<units {
      let (reset, update, new) = (r[u], z[u], n[u])
      let dn = dh[u] * (1 - update) * (1 - new * new)
      carried[u] += dh[u] * update
      n[u] = dn
      r[u] = dn * m[u] * reset * (1 - reset)
      z[u] = dh[u] * (before[u] - new) * update * (1 - update)
      d[u] = r[u]
      d[units + u] = z[u]
      d[2 * units + u] = dn * reset
    }
  }

  private func retreatRNN(_ at: Int, _ dh: UnsafePointer<Float>) {
    let (units, f) = (sizes.cellUnits, kernels.functions)
    let (h, d) = (wide.base + at * units, gates.base + at * gateWidth)
    if relu { f.relu_back(h, dh, d, units) } else { f.tanh_back(h, dh, d, units) }
  }

  /// One merged product per weight over these rows, in an order that does not depend on the threads.
  private func parameterGradients(
    _ pass: RecurrentLayer.Pass, _ groups: RowGroups, _ parameters: UnsafeMutablePointer<Float>
  ) {
    let width = gateWidth
    inputNorm?.addGradients(gates.base, inputX.base, groups, kernels, to: parameters)
    recurrentNorm?.addGradients(dRecurrentSums, products.base, groups, kernels, to: parameters)
    cellNorm?.addGradients(dCellX.base, cellX.base, groups, kernels, to: parameters)
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
