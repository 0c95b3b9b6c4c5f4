import Batches

extension RecurrentStack {
  /// Makes the given state the one the layers start from; else the learned one, where there is one.
  func setInitialState(_ state: RecurrentState?, batch: Int) {
    if let state {
      initial = .given
      fill(initialHidden, from: state.hidden, batch: batch, \.hiddenRow)
      if hasCellState { fill(initialCell, from: state.cell, batch: batch, \.cellRow) }
    } else if let learned, let parameters {
      initial = .learned
      for (index, place) in learned.enumerated() {
        let size = sizes[index / network.directions]
        repeatRow(parameters + place.hidden, size.hiddenRow, to: initialHidden[index], batch: batch)
        if let cell = place.cell {
          repeatRow(parameters + cell, size.cellRow, to: initialCell[index], batch: batch)
        }
      }
    } else {
      initial = .zero
    }
  }

  private func repeatRow(
    _ values: UnsafePointer<Float>, _ row: LayerSizes.StateWidth, to buffer: GrowingBuffer, batch: Int
  ) {
    buffer.zero(batch * row.units)
    for index in 0..<batch { (buffer.base + index * row.units).update(from: values, count: row.width) }
  }

  /// Copies a state in PyTorch's order into padded rows.
  func fill(
    _ buffers: [GrowingBuffer], from dense: [Float], batch: Int,
    _ row: KeyPath<LayerSizes, LayerSizes.StateWidth>
  ) {
    let rows = buffers.indices.map { sizes[$0 / network.directions][keyPath: row] }
    let count = rows.reduce(0) { $0 + batch * $1.width }
    precondition(dense.count == count, "a state has the shape [layers·D, B, H]")
    var start = 0
    for (buffer, row) in zip(buffers, rows) {
      buffer.zero(batch * row.units)
      dense.withUnsafeBufferPointer {
        StateRows.pad(
          $0.baseAddress! + start, to: buffer.base, batch: batch, hidden: row.width, units: row.units)
      }
      start += batch * row.width
    }
  }

  /// h_n and c_n of the last forward.
  func finalState(_ request: Model.Request) -> RecurrentState {
    var state = RecurrentState(hidden: [])
    let rows = network.directions * request.batch
    state.hidden.reserveCapacity(rows * sizes.reduce(0) { $0 + $1.width })
    if hasCellState { state.cell.reserveCapacity(rows * sizes.reduce(0) { $0 + $1.hidden }) }
    for (index, size) in sizes.enumerated() {
      for direction in 0..<network.directions {
        func append(_ values: UnsafePointer<Float>, stride: Int, count: Int, to state: inout [Float]) {
          for row in 0..<request.batch {
            let last = direction == 0 ? request.rows.end(row) : row
            state += UnsafeBufferPointer(start: values + last * stride, count: count)
          }
        }
        append(
          outputs[index].base + direction * size.units, stride: size.stride, count: size.width,
          to: &state.hidden)
        if hasCellState {
          let cells = layers[index][direction].cellStates
          append(cells, stride: size.cellUnits, count: size.hidden, to: &state.cell)
        }
      }
    }
    return state
  }

  /// The gradient of the initial state of one layer and direction, after its backward.
  func collectInitial(_ state: inout RecurrentState, _ index: Int, _ direction: Int, batch: Int) {
    let (gradient, size) = (layers[index][direction].initialGradients, sizes[index])
    state.hidden += StateRows.dense(gradient.hidden, stride: size.units, batch: batch, hidden: size.width)
    if hasCellState {
      state.cell += StateRows.dense(gradient.cell, stride: size.cellUnits, batch: batch, hidden: size.hidden)
    }
  }

  /// Adds the gradient of the learned initial state of one layer and direction: all rows started from it.
  func addLearned(
    _ index: Int, _ direction: Int, batch: Int, to target: GradientTarget
  ) {
    guard let place = learned?[index * network.directions + direction] else { return }
    let (gradient, size) = (layers[index][direction].initialGradients, sizes[index])
    func add(
      _ rows: UnsafePointer<Float>, _ row: LayerSizes.StateWidth, of sequences: Range<Int>,
      to sums: UnsafeMutablePointer<Float>
    ) {
      for index in sequences { for unit in 0..<row.width { sums[unit] += rows[index * row.units + unit] } }
    }
    target.add(
      place.hidden..<place.hidden + size.width, place.cell.map { $0..<$0 + size.hidden }, batch: batch,
      team
    ) { part in
      add(gradient.hidden, size.hiddenRow, of: part.sequences, to: part.gradients + place.hidden)
      if let cell = place.cell {
        add(gradient.cell, size.cellRow, of: part.sequences, to: part.gradients + cell)
      }
    }
  }
}
