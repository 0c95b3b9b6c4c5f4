import CKernels
import Kernels

extension RecurrentLayer.LayerPass {
  /// Whether some steps are projected and run through after others: gates that nobody keeps for backward then stay in the caches, where
  /// those of all steps would go to memory and come back. The bits are the same.
  func goesInParts(_ gateStride: Int) -> Bool {
    !keep && rows.isUniform && vocabularies.isEmpty && rows.count * gateStride > 1 << 20
  }
}

extension RecurrentLayer {
  /// Rows of a part: as many as products multiply with a panel of weights before they go on to the next.
  private static let rowsOfPart = 240

  /// `forward` where nothing is kept, some steps at a time.
  func forwardInParts(_ pass: LayerPass) {
    let (steps, batch) = (pass.rows.steps, pass.rows.batch)
    let most = max(1, Self.rowsOfPart / batch)
    var whole = layer(pass)
    var done = 0
    while done < steps {
      let count = min(most, steps - done)
      let first = reverse ? steps - done - count : done
      project(
        pass.input + first * batch * pass.inputStride, stride: pass.inputStride, rows: count * batch,
        inputParts[0], bias.base, to: gates.base)
      var part = whole
      part.steps = count
      part.outputs += first * batch * pass.outputStride
      if cell.hasCellState, let cells = part.cells { part.cells = cells + first * batch * units }
      team.run(.recurrence, operations: count * batch * cell.gates.count * hidden * hidden) { share in
        var own = part
        (own.first_row, own.last_row) = bounds(pass.rows, share)
        cell.kernels!.forward(kernels.functions, &own, relu)
      }
      goOn(&whole, from: (reverse ? first : first + count - 1) * batch, pass)
      done += count
    }
  }

  /// Lets the next part start from the states of the rows from `row` on.
  private func goOn(_ layer: inout rk_layer, from row: Int, _ pass: LayerPass) {
    for index in 0..<pass.rows.batch {
      (dHidden.base + index * units).update(
        from: pass.output + (row + index) * pass.outputStride, count: units)
    }
    layer.h0 = UnsafePointer(dHidden.base)
    if cell.hasCellState, let cells = layer.cells { layer.c0 = UnsafePointer(cells + row * units) }
  }
}
