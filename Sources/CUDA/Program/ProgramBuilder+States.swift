import Recurrent

/// Where the rows of a batch begin: from zero, from a learned state, or where their streams stood.
extension ProgramBuilder {
  /// The state before the first step. Of learned ones all rows have one, and the stride is 0.
  struct Initial {
    let hidden: Region
    /// nil without c.
    let cell: Region?
    let hiddenStride, cellStride: Int
  }

  /// Streams that batches are windows of: in training those of the run, else those of an evaluation.
  private var streams: Int { trains ? plan.streams : StepPlan.evaluationStreams }

  mutating func initial(_ layer: Int, _ index: Int) -> Initial? {
    let suffix = "_l\(layer)\(index == 1 ? "_reverse" : "")"
    let hidden = network.hiddenSize(of: layer)
    guard plan.streams > 0 else {
      guard let h0 = layout["rnn.h0\(suffix)"] else { return nil }
      return Initial(
        hidden: parameter(h0.range.lowerBound),
        cell: layout["rnn.c0\(suffix)"].map { parameter($0.range.lowerBound) }, hiddenStride: 0, cellStride: 0
      )
    }
    let stride = stride(layer)
    return Initial(
      hidden: buffer("initial_h_l\(layer)", capacity * stride).advanced(
        index * network.width(of: layer)),
      cell: cell.hasCellState ? buffer("initial_c\(suffix)", capacity * hidden) : nil, hiddenStride: stride,
      cellStride: hidden)
  }

  /// A layer and direction of the streams' states `[layers·D, streams, H]`, H of the widest layer.
  private func states(_ d: Direction, isCell: Bool) -> Region {
    let place: StepProgram.HostBuffer =
      trains ? (isCell ? .cellStates : .hiddenStates) : isCell ? .evaluationCells : .evaluationHidden
    let number = d.layer * network.directions + (d.reverse ? 1 : 0)
    return self.place(place).advanced(number * streams * plan.stateWidth)
  }

  /// Rows begin where their streams stood.
  mutating func takeInitial(_ d: Direction) {
    guard plan.streams > 0, let initial = d.initial else { return }
    func take(_ isCell: Bool, to: Region, stride: Int, width: Int) {
      each(
        batch * width,
        .takeStates(
          states: states(d, isCell: isCell), statesStride: plan.stateWidth, streams: place(.streams), to: to,
          stride: stride, batch: batch, width: width))
    }
    take(false, to: initial.hidden, stride: initial.hiddenStride, width: d.width)
    if let cell = initial.cell { take(true, to: cell, stride: initial.cellStride, width: d.hidden) }
  }

  /// Streams stand where their rows ended.
  mutating func keepFinal(_ d: Direction) {
    guard plan.streams > 0 else { return }
    func keep(_ isCell: Bool, from: Region, stride: Int, width: Int) {
      each(
        batch * width,
        .keepStates(
          x: from, stride: stride, lengths: lengths, streams: place(.streams),
          states: states(d, isCell: isCell), statesStride: plan.stateWidth, steps: steps, batch: batch,
          width: width, reverse: d.reverse.flag))
    }
    keep(false, from: d.output, stride: d.stride, width: d.width)
    if let cells = d.cells { keep(true, from: cells, stride: d.hidden, width: d.hidden) }
  }
}
