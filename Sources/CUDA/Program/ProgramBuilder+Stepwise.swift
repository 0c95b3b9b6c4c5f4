import Recurrent

/// A matrix product and a kernel for each step.
extension ProgramBuilder {
  /// A product and a kernel for each step.
  mutating func forward(_ d: Direction) {
    let output = outputs(d.layer).advanced(d.reverse ? hidden : 0)
    for index in 0..<steps {
      let (now, before) = times(index, d)
      if let before {
        product(
          matrix(at(before, output, width), width),
          matrix(parameter(d.recurrentWeight), hidden, transposed: true),
          to: at(now, d.recurrent ?? d.gates, gates * hidden), stride: gates * hidden, batch, gates * hidden,
          depth: hidden, accumulates: d.recurrent == nil)
      }
      forwardGates(d, now, before, output)
    }
  }

  mutating func forwardGates(_ d: Direction, _ now: Int, _ before: Int?, _ output: Region) {
    var arguments: [Argument] = [.region(at(now, d.gates, gates * hidden))]
    if let recurrent = d.recurrent { arguments.append(.region(at(now, recurrent, gates * hidden))) }
    arguments += [.region(d.inputBias.map(parameter)), .region(d.recurrentBias.map(parameter))]
    if let cells = d.cells {
      arguments += [.region(before.map { at($0, cells, hidden) }), .region(at(now, cells, hidden))]
    }
    if d.recurrent != nil { arguments.append(.region(before.map { at($0, output, width) })) }
    arguments += [
      .region(at(now, output, width)), .int(Int32(width)), .int(Int32(batch)), .int(Int32(hidden)),
    ]
    if architecture.cell == .rnn { arguments.append(isRelu) }
    each("\(architecture.cell.rawValue)_forward", batch * hidden, arguments)
  }

  /// Leaves the gates' gradients behind.
  mutating func backward(_ d: Direction, _ dOutput: Region) {
    let output = outputs(d.layer).advanced(d.reverse ? hidden : 0)
    let dOutput = dOutput.advanced(d.reverse ? hidden : 0)
    for index in (0..<steps).reversed() {
      let (now, before) = times(index, d)
      backwardGates(d, now, before, output, dOutput, start: index == steps - 1)
      guard before != nil else { continue }
      product(
        matrix(at(now, d.recurrent ?? d.gates, gates * hidden), gates * hidden),
        matrix(parameter(d.recurrentWeight), hidden), to: d.dHidden, stride: hidden, batch, hidden,
        depth: gates * hidden, accumulates: d.recurrent != nil)
    }
  }

  mutating func backwardGates(
    _ d: Direction, _ now: Int, _ before: Int?, _ output: Region, _ dOutput: Region, start: Bool
  ) {
    var arguments: [Argument] = [.region(at(now, d.gates, gates * hidden))]
    if let recurrent = d.recurrent {
      arguments += [
        .region(at(now, recurrent, gates * hidden)), .region(before.map { at($0, output, width) }),
        .int(Int32(width)),
      ]
    } else if let cells = d.cells {
      arguments += [.region(before.map { at($0, cells, hidden) }), .region(at(now, cells, hidden))]
    } else {
      arguments += [.region(at(now, output, width)), .int(Int32(width))]
    }
    arguments += [.region(at(now, dOutput, width)), .int(Int32(width)), .region(d.dHidden)]
    if d.cells != nil { arguments.append(.region(d.dCell)) }
    arguments += [.int(Int32(batch)), .int(Int32(hidden))]
    if architecture.cell == .rnn { arguments.append(isRelu) }
    arguments.append(.int(start ? 1 : 0))
    each("\(architecture.cell.rawValue)_backward", batch * hidden, arguments)
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
