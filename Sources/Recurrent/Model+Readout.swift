import Batches

/// What the head reads of a batch: rows of the stack's outputs, or of the inputs.
extension Model {
  /// The rows that the head reads, without padding.
  func copyReadout(_ values: PaddedOutput, to rows: UnsafeMutablePointer<Float>, _ request: Request) {
    let (steps, batch) = (request.steps, request.batch)
    switch network.readout {
    case .everyStep:
      for row in 0..<request.rows.count { values.copyRow(row, to: rows + row * values.width) }
    case .allSteps:
      for step in 0..<steps {
        for row in 0..<batch {
          values.copyRow(step * batch + row, to: rows + (row * steps + step) * values.width)
        }
      }
    case .lastStep:
      for row in 0..<batch { values.copyRow(request.rows.end(row), to: rows + row * values.width) }
    case .finalState:
      for row in 0..<batch {
        for direction in 0..<values.directions {
          values.copyBlock(
            direction, ofRow: direction == 0 ? request.rows.end(row) : row,
            to: rows + row * values.width + direction * values.hidden)
        }
      }
    }
  }

  /// `[T, B, F]` → `[B, T·F]` for a network without recurrent part.
  func flattenInputs(_ request: Request, to readout: UnsafeMutablePointer<Float>) {
    let (steps, batch, width) = (request.steps, request.batch, network.inputWidth)
    for step in 0..<steps {
      for row in 0..<batch {
        (readout + (row * steps + step) * width).update(
          from: request.inputs + (step * batch + row) * width, count: width)
      }
    }
  }

  /// `[B, T·F]` → `[T, B, F]`, the way back.
  func scatterInputs(
    _ dReadout: UnsafePointer<Float>, to dInputs: UnsafeMutablePointer<Float>, _ request: Request
  ) {
    let (steps, batch, width) = (request.steps, request.batch, network.inputWidth)
    for step in 0..<steps {
      for row in 0..<batch {
        (dInputs + (step * batch + row) * width).update(
          from: dReadout + (row * steps + step) * width, count: width)
      }
    }
  }
}
