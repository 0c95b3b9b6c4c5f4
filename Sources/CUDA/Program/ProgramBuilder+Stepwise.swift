import Recurrent

/// A matrix product and a kernel for each step.
extension ProgramBuilder {
  /// A product and a kernel for each step.
  mutating func forward(_ d: Direction) {
    let output = d.output
    for index in 0..<steps {
      let (now, before) = times(index, d)
      if let seen = before.map({ at($0, output, d.stride) }) ?? d.initial?.hidden {
        product(
          matrix(seen, d.stride), matrix(parameter(d.recurrentWeight), d.hidden, transposed: true),
          to: at(now, d.recurrent ?? d.gates, d.columns), stride: d.columns, batch, d.columns,
          depth: d.hidden, accumulates: d.recurrent == nil)
      }
      forwardGates(d, now, before, output)
    }
  }

  mutating func forwardGates(_ d: Direction, _ now: Int, _ before: Int?, _ output: Region) {
    each(batch * d.hidden, forwardCall(d, now, before, h: at(now, output, d.stride)))
  }

  private func forwardCall(_ d: Direction, _ now: Int, _ before: Int?, h: Region) -> Call {
    let gates = at(now, d.gates, d.columns)
    let (biasInput, biasRecurrent) = (d.inputBias.map(parameter), d.recurrentBias.map(parameter))
    switch kernelCell {
    case .lstm:
      return .lstmForward(
        gates: gates, biasInput: biasInput, biasRecurrent: biasRecurrent, cBefore: cellBefore(d, before),
        c: at(now, d.cells!, d.hidden), h: h, hStride: d.stride, batch: batch, hidden: d.hidden,
        lengths: lengths, time: now)
    case .gru:
      return .gruForward(
        gates: gates, recurrent: at(now, d.recurrent!, d.columns), biasInput: biasInput,
        biasRecurrent: biasRecurrent, hBefore: hiddenBefore(d, before), h: h, hStride: d.stride,
        batch: batch, hidden: d.hidden, lengths: lengths, time: now)
    case .rnn:
      return .rnnForward(
        gates: gates, biasInput: biasInput, biasRecurrent: biasRecurrent, h: h, hStride: d.stride,
        batch: batch, hidden: d.hidden, relu: relu, lengths: lengths, time: now)
    }
  }

  private func hiddenBefore(_ d: Direction, _ before: Int?) -> Region? {
    before.map { at($0, d.output, d.stride) } ?? d.initial?.hidden
  }
  private func cellBefore(_ d: Direction, _ before: Int?) -> Region? {
    before.map { at($0, d.cells!, d.hidden) } ?? d.initial?.cell
  }

  /// Leaves the gates' gradients behind.
  mutating func backward(_ d: Direction, _ dOutput: Region) {
    let dOutput = dOutput.advanced(d.offset)
    for index in (0..<steps).reversed() {
      let (now, before) = times(index, d)
      backwardGates(d, now, before, dOutput, start: index == steps - 1)
      guard before != nil else { continue }
      product(
        matrix(at(now, d.recurrent ?? d.gates, d.columns), d.columns),
        matrix(parameter(d.recurrentWeight), d.hidden), to: d.dHidden, stride: d.hidden, batch, d.hidden,
        depth: d.columns, accumulates: d.recurrent != nil)
    }
  }

  mutating func backwardGates(_ d: Direction, _ now: Int, _ before: Int?, _ dOutput: Region, start: Bool) {
    each(
      batch * d.hidden, backwardCall(d, now, before, dOut: at(now, dOutput, d.stride), start: start.flag))
  }

  private func backwardCall(_ d: Direction, _ now: Int, _ before: Int?, dOut: Region, start: Int) -> Call {
    let gates = at(now, d.gates, d.columns)
    switch kernelCell {
    case .lstm:
      return .lstmBackward(
        gates: gates, cBefore: cellBefore(d, before), c: at(now, d.cells!, d.hidden), dOut: dOut,
        dStride: d.stride, dHidden: d.dHidden, dCell: d.dCell, batch: batch, hidden: d.hidden, start: start,
        lengths: lengths, time: now)
    case .gru:
      return .gruBackward(
        gates: gates, recurrent: at(now, d.recurrent!, d.columns), hBefore: hiddenBefore(d, before),
        hStride: d.stride, dOut: dOut, dStride: d.stride, dHidden: d.dHidden, batch: batch,
        hidden: d.hidden, start: start, lengths: lengths, time: now)
    case .rnn:
      return .rnnBackward(
        gates: gates, h: at(now, d.output, d.stride), hStride: d.stride, dOut: dOut, dStride: d.stride,
        dHidden: d.dHidden, batch: batch, hidden: d.hidden, relu: relu, start: start, lengths: lengths,
        time: now)
    }
  }

  /// The time of the index-th step computed, and of the one before it.
  func times(_ index: Int, _ d: Direction) -> (now: Int, before: Int?) {
    func time(_ index: Int) -> Int { d.reverse ? steps - 1 - index : index }
    return (time(index), index > 0 ? time(index - 1) : nil)
  }

  /// Where step `time` of a `[T, B, width]` buffer begins.
  func at(_ time: Int, _ region: Region, _ width: Int) -> Region {
    region.advanced(time * batch * width)
  }
}
