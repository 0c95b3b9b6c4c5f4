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
    let width = gateWidth
    let to = (inputNorm == nil ? gates.base : inputX.base) + rows.lowerBound * width
    input.multiply(
      pass.input + rows.lowerBound * pass.inputStride, stride: pass.inputStride, count: rows.count,
      bias: inputBias?.base, to: to, stride: width)
    guard let inputNorm else { return }
    for row in rows {
      let x = inputX.base + row * width
      inputNorm.normalize(x, deviation: inputDeviation.base + row * inputNorm.deviations)
      inputNorm.apply(x, 0..<width, to: gates.base + row * width, adding: false)
    }
  }

  private func advance(_ pass: RecurrentLayer.Pass, _ step: Step) {
    let (width, units) = (gateWidth, sizes.units)
    see(pass, step)
    recurrent.multiply(
      seen.base + step.first * units, stride: units, count: step.rows.count, bias: recurrentBias?.base,
      to: products.base + step.first * width, stride: width)
    for row in step.rows {
      let at = step.at + row
      addRecurrent(at)
      switch cell {
      case .lstm: activateLSTM(at, before: cellBefore(pass, step, row))
      case .gru: activateGRU(at, before: hiddenBefore(pass, step, row))
      case .rnn, .none: activateRNN(at)
      }
    }
    projection?.multiply(
      wide.base + step.first * sizes.cellUnits, stride: sizes.cellUnits, count: step.rows.count, bias: nil,
      to: narrow.base + step.first * units, stride: units)
    for row in step.rows { emit(pass, step, row) }
  }

  /// The state that a row starts from.
  func hiddenBefore(_ pass: RecurrentLayer.Pass, _ step: Step, _ row: Int) -> UnsafePointer<Float> {
    if row < step.shared { return UnsafePointer(pass.output + (step.before + row) * pass.outputStride) }
    return pass.h0.map { $0 + row * sizes.units } ?? UnsafePointer(zero.base)
  }
  func cellBefore(_ pass: RecurrentLayer.Pass, _ step: Step, _ row: Int) -> UnsafePointer<Float> {
    if row < step.shared { return UnsafePointer(cells.base + (step.before + row) * sizes.cellUnits) }
    return pass.c0.map { $0 + row * sizes.cellUnits } ?? UnsafePointer(zero.base)
  }

  /// Copies what the recurrent product sees of the step before.
  private func see(_ pass: RecurrentLayer.Pass, _ step: Step) {
    let units = sizes.units
    for row in step.rows {
      let (to, h) = (seen.base + (step.at + row) * units, hiddenBefore(pass, step, row))
      if options.recurrentDropout > 0 {
        let mask = recurrentMask.base + row * units
        for unit in 0..<units { to[unit] = h[unit] * mask[unit] }
      } else {
        to.update(from: h, count: units)
      }
    }
  }

  /// Adds the recurrent part to the gates, but for GRU's n: there it is left in the products, for the reset gate.
  private func addRecurrent(_ row: Int) {
    let (gate, product) = (gates.base + row * gateWidth, products.base + row * gateWidth)
    let units = sizes.cellUnits
    let n = cell == .gru ? 2 * units : gateWidth
    guard let recurrentNorm else {
      for i in 0..<n { gate[i] += product[i] }
      return
    }
    recurrentNorm.normalize(product, deviation: recurrentDeviation.base + row * recurrentNorm.deviations)
    recurrentNorm.apply(product, 0..<n, to: gate, adding: true)
    if cell == .gru {
      recurrentNorm.apply(product, n..<gateWidth, to: normed.base + row * units, adding: false)
    }
  }

  /// i f g o; Hochreiter & Schmidhuber 1997 as in `torch.nn.LSTM`.
  private func activateLSTM(_ row: Int, before: UnsafePointer<Float>) {
    let (f, units) = (kernels.functions, sizes.cellUnits)
    let gate = gates.base + row * gateWidth
    f.sigmoid(gate, gate, 2 * units)
    f.tanh(gate + 2 * units, gate + 2 * units, units)
    f.sigmoid(gate + 3 * units, gate + 3 * units, units)
    let (c, s, h) = (cells.base + row * units, squashed.base + row * units, wide.base + row * units)
    for u in 0..<units { c[u] = gate[units + u] * before[u] + gate[u] * gate[2 * units + u] }
    if let cellNorm {
      let x = cellX.base + row * units
      x.update(from: c, count: units)
      cellNorm.normalize(x, deviation: cellDeviation.base + row)
      cellNorm.apply(x, 0..<units, to: s, adding: false)
      f.tanh(s, s, units)
    } else {
      f.tanh(c, s, units)
    }
    for u in 0..<units { h[u] = gate[3 * units + u] * s[u] }
    if options.zoneout.cell > 0 {
      let z = cellZone.base + row * units
      for u in 0..<units { c[u] += z[u] * (before[u] - c[u]) }
    }
  }

  /// r z n; Cho et al. 2014 as in `torch.nn.GRU`, the reset gate behind the recurrent product.
  private func activateGRU(_ row: Int, before: UnsafePointer<Float>) {
    let (f, units) = (kernels.functions, sizes.cellUnits)
    let gate = gates.base + row * gateWidth
    let m = recurrentPart(row)
    f.sigmoid(gate, gate, 2 * units)
    let (z, n, h) = (gate + units, gate + 2 * units, wide.base + row * units)
    for u in 0..<units { n[u] += gate[u] * m[u] }
    f.tanh(n, n, units)
    for u in 0..<units { h[u] = n[u] + z[u] * (before[u] - n[u]) }
  }

  /// GRU: what the reset gate multiplies.
  func recurrentPart(_ row: Int) -> UnsafeMutablePointer<Float> {
    guard recurrentNorm != nil else { return products.base + row * gateWidth + 2 * sizes.cellUnits }
    return normed.base + row * sizes.cellUnits
  }

  private func activateRNN(_ row: Int) {
    let (gate, h, units) = (gates.base + row * gateWidth, wide.base + row * sizes.cellUnits, sizes.cellUnits)
    if relu { kernels.functions.relu(gate, h, units) } else { kernels.functions.tanh(gate, h, units) }
  }

  /// Writes the row's output: the cell's own, projected, and mixed with the state before where zoneout keeps it.
  private func emit(_ pass: RecurrentLayer.Pass, _ step: Step, _ row: Int) {
    let (at, units) = (step.at + row, sizes.units)
    let new = (projection == nil ? wide.base : narrow.base) + at * units
    let out = pass.output + at * pass.outputStride
    guard options.zoneout.hidden > 0 else { return out.update(from: new, count: units) }
    let (z, before) = (hiddenZone.base + at * units, hiddenBefore(pass, step, row))
    for u in 0..<units { out[u] = new[u] + z[u] * (before[u] - new[u]) }
  }
}
