import Batches
import Kernels

extension RecurrentStack {
  /// Back-propagation through time from the gradient of the readout. Returns the initial state's gradient where wanted.
  func backward(
    _ request: Model.Request, dReadout: UnsafePointer<Float>, gradients: GradientTarget,
    finalState: RecurrentState?, wantInitialState: Bool
  ) -> RecurrentState? {
    let batch = request.batch
    let top = network.layers - 1
    for (index, buffer) in finalHidden.enumerated() {
      let size = sizes[index / network.directions]
      buffer.zero(batch * size.units)
      finalCell[index].zero(batch * size.cellUnits)
    }
    if let finalState {
      fill(finalHidden, from: finalState.hidden, batch: batch, \.hiddenRow)
      if hasCellState { fill(finalCell, from: finalState.cell, batch: batch, \.cellRow) }
    }
    let isLearned = initial == .learned
    var dOutput = lowest > top ? nil : scatterReadout(dReadout, request)
    var initial = [RecurrentState](
      repeating: RecurrentState(hidden: []), count: wantInitialState ? network.layers : 0)
    for index in (lowest..<network.layers).reversed() {
      let below = index > 0 ? dOutputs[(top - index + 1) % 2] : dInputs
      let width = index > 0 ? sizes[index - 1].stride : network.inputWidth
      let hasBelow =
        index > lowest || (index == 0 && wantsInputGradient && trainsInputs && request.vocabularies.isEmpty)
      if hasBelow { below.reserve(request.rows.count * width) }
      for direction in 0..<network.directions {
        let state = index * network.directions + direction
        layers[index][direction].backward(
          pass(index, direction, request),
          .init(
            dOutput: dOutput.map { UnsafePointer($0 + direction * sizes[index].units) },
            dOutputStride: sizes[index].stride,
            dFinalHidden: finalHidden[state].base, dFinalCell: finalCell[state].base,
            dInput: hasBelow ? below.base : nil, dInputStride: width, accumulate: direction > 0,
            wantInitial: wantInitialState || isLearned, parameters: gradients))
        if wantInitialState { collectInitial(&initial[index], index, direction, batch: batch) }
        if isLearned { addLearned(index, direction, batch: batch, to: gradients) }
      }
      gradientsAreFinal?(layerStarts[index])
      if hasBelow, addsInput(index), let dOutput {
        for i in 0..<request.rows.count * width { below.base[i] += dOutput[i] }
      }
      if hasBelow, index > 0, drops(index - 1, request.mode) {
        applyDropout(after: index - 1, request, from: below.base, to: below.base)
      }
      if index == 0, hasBelow, dropsInput(request.mode) {
        applyInputDropout(request, from: below.base, to: below.base)
      }
      dOutput = below.base
    }
    // Whoever waits for them hears of the layers that are not trained too.
    for index in (0..<lowest).reversed() { gradientsAreFinal?(layerStarts[index]) }
    return wantInitialState
      ? RecurrentState(hidden: initial.flatMap(\.hidden), cell: initial.flatMap(\.cell)) : nil
  }

  /// Spreads the readout's gradient over the last layer's outputs, or into its final states where that is all it read.
  ///
  /// Returns nil where no output but the final states has a gradient.
  private func scatterReadout(_ dReadout: UnsafePointer<Float>, _ request: Model.Request)
    -> UnsafeMutablePointer<Float>?
  {
    let (steps, batch, width) = (request.steps, request.batch, output.width)
    let size = sizes[network.layers - 1]
    let count = request.rows.count * size.stride
    let readsFinalOnly =
      network.readout == .finalState
      || (network.readout == .lastStep && !network.bidirectional)
    if readsFinalOnly, !addsInput(network.layers - 1) {
      for direction in 0..<network.directions {
        let target = finalHidden[(network.layers - 1) * network.directions + direction].base
        for row in 0..<batch {
          let from = dReadout + row * width + direction * size.width
          for unit in 0..<size.width { target[row * size.units + unit] += from[unit] }
        }
      }
      return nil
    }
    let writesAll = output.isDense && (network.readout == .everyStep || network.readout == .allSteps)
    if writesAll { dOutputs[0].reserve(count) } else { dOutputs[0].zero(count) }
    let target = padded(dOutputs[0].base, network.layers - 1)
    switch network.readout {
    case .everyStep:
      for row in 0..<request.rows.count { target.setRow(row, from: dReadout + row * width) }
    case .allSteps:
      for step in 0..<steps {
        for row in 0..<batch {
          target.setRow(step * batch + row, from: dReadout + (row * steps + step) * width)
        }
      }
    case .lastStep:
      for row in 0..<batch { target.setRow(request.rows.end(row), from: dReadout + row * width) }
    case .finalState:
      for row in 0..<batch {
        for direction in 0..<network.directions {
          target.setBlock(
            direction, ofRow: direction == 0 ? request.rows.end(row) : row,
            from: dReadout + row * width + direction * size.width)
        }
      }
    }
    return target.base
  }
}
