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
    var arguments: [Argument] = [.region(at(now, d.gates, d.columns))]
    if let recurrent = d.recurrent { arguments.append(.region(at(now, recurrent, d.columns))) }
    arguments += [.region(d.inputBias.map(parameter)), .region(d.recurrentBias.map(parameter))]
    if let cells = d.cells {
      arguments += [.region(cellBefore(d, before)), .region(at(now, cells, d.hidden))]
    }
    if d.recurrent != nil { arguments.append(.region(hiddenBefore(d, before))) }
    arguments += [.region(at(now, output, d.stride))] + integers(d.stride, batch, d.hidden)
    if cell.takesNonlinearity { arguments.append(isRelu) }
    each(
      "\(architecture.cell.rawValue)_forward", batch * d.hidden, arguments + [lengths, .int(Int32(now))])
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
    let output = d.output
    var arguments: [Argument] = [.region(at(now, d.gates, d.columns))]
    if let recurrent = d.recurrent {
      arguments += [
        .region(at(now, recurrent, d.columns)), .region(hiddenBefore(d, before)), .int(Int32(d.stride)),
      ]
    } else if let cells = d.cells {
      arguments += [.region(cellBefore(d, before)), .region(at(now, cells, d.hidden))]
    } else {
      arguments += [.region(at(now, output, d.stride)), .int(Int32(d.stride))]
    }
    arguments += [.region(at(now, dOutput, d.stride)), .int(Int32(d.stride)), .region(d.dHidden)]
    if d.cells != nil { arguments.append(.region(d.dCell)) }
    arguments += integers(batch, d.hidden)
    if cell.takesNonlinearity { arguments.append(isRelu) }
    arguments += [.int(start ? 1 : 0), lengths, .int(Int32(now))]
    each("\(architecture.cell.rawValue)_backward", batch * d.hidden, arguments)
  }

  /// The time of the index-th step walked, and of the one before it.
  func times(_ index: Int, _ d: Direction) -> (now: Int, before: Int?) {
    func time(_ index: Int) -> Int { d.reverse ? steps - 1 - index : index }
    return (time(index), index > 0 ? time(index - 1) : nil)
  }

  /// Where step `time` of a `[T, B, width]` buffer begins.
  func at(_ time: Int, _ region: Region, _ width: Int) -> Region {
    region.advanced(time * batch * width)
  }
}
