import CKernels
import Kernels

extension RecurrentLayer {
  /// What backward is given and asked for.
  struct Gradients {
    /// `[T, B, stride]` gradient of the outputs, this direction's columns; nil for zero.
    var dOutput: UnsafePointer<Float>?
    var dOutputStride: Int
    /// `[B, Hp]` gradient of the final h and c; nil for zero.
    var dFinalHidden: UnsafePointer<Float>?
    var dFinalCell: UnsafePointer<Float>?
    /// `[T, B, stride]`: gets (or adds, with `accumulate`) the gradient of the input; nil where nobody reads it.
    var dInput: UnsafeMutablePointer<Float>?
    var dInputStride: Int
    var accumulate: Bool
    var wantInitial: Bool
    /// The flat gradient buffer; gradients are added.
    var parameters: UnsafeMutablePointer<Float>
  }

  func backward(_ pass: Pass, _ g: Gradients) {
    let f = kernels.functions
    let state = pass.batch * units
    copy(g.dFinalHidden, to: dHidden.base, count: state)
    copy(g.dFinalCell, to: dCell.base, count: state)
    var layer = layer(pass)
    layer.d_outputs = g.dOutput
    layer.d_output_stride = g.dOutputStride
    layer.want_initial = g.wantInitial ? 1 : 0
    team.run(.recurrenceBackward, operations: loopOperations(pass)) { share in
      var part = layer
      (part.first_row, part.last_row) = bounds(share.of(pass.batch))
      switch kind.cell {
      case .lstm: f.lstm_backward(&part)
      case .gru: f.gru_backward(&part)
      case .rnn, .none: f.rnn_backward(&part, kind.relu ? 1 : 0)
      }
    }
    weightGradients(pass, g.parameters)
    guard needsInputGradient, let dInput = g.dInput else { return }
    let rows = pass.steps * pass.batch
    team.run(.inputGradients, operations: rows * inputRows.count * inputColumns.count) { share in
      let part = share.of(rows)
      f.multiply(
        part.count, inputColumns.count, inputRows.count, gates.base + part.lowerBound * gateStride,
        gateStride, 1,
        inputPackedBack.base, nil, dInput + part.lowerBound * g.dInputStride, g.dInputStride,
        g.accumulate ? 1 : 0)
    }
  }

  /// Gradients of h0 and c0 after `backward` with `wantInitial`, `[B, Hp]`.
  var initialGradients: (hidden: UnsafePointer<Float>, cell: UnsafePointer<Float>) {
    (UnsafePointer(dHidden.base), UnsafePointer(dCell.base))
  }

  private func copy(_ from: UnsafePointer<Float>?, to: UnsafeMutablePointer<Float>, count: Int) {
    if let from { to.update(from: from, count: count) } else { to.update(repeating: 0, count: count) }
  }

  /// One merged product per weight matrix over all steps.
  private func weightGradients(_ pass: Pass, _ parameters: UnsafeMutablePointer<Float>) {
    let (steps, batch) = (pass.steps, pass.batch)
    let dRecurrent = gates.base + kind.recurrentSlot * units
    addProduct(
      gates.base, rows: inputRows, pass.input, columns: inputColumns, ld: pass.inputStride,
      depth: steps * batch,
      to: parameters + ranges.inputWeight, width: inputWidth)
    // Step t's gates saw the outputs of the step walked before it.
    let dLater = reverse ? dRecurrent : dRecurrent + batch * gateStride
    let before = reverse ? pass.output + batch * pass.outputStride : pass.output
    addProduct(
      dLater, rows: recurrentRows, before, columns: recurrentColumns, ld: pass.outputStride,
      depth: (steps - 1) * batch, to: parameters + ranges.recurrentWeight, width: hidden)
    if let h0 = pass.h0 {
      addProduct(
        dRecurrent + (reverse ? steps - 1 : 0) * batch * gateStride, rows: recurrentRows, h0,
        columns: recurrentColumns,
        ld: units, depth: batch, to: parameters + ranges.recurrentWeight, width: hidden)
    }
    if let inputBias = ranges.inputBias, let recurrentBias = ranges.recurrentBias {
      padded.base.update(repeating: 0, count: padded.count)
      kernels.functions.column_sums(gates.base, steps * batch, gateStride, gateStride, padded.base)
      inputRows.scatterAdd(padded.base, to: parameters + inputBias)
      recurrentRows.scatterAdd(padded.base + kind.recurrentSlot * units, to: parameters + recurrentBias)
    }
  }

  /// Adds (gate gradients)ᵀ · x to a weight's gradient, straight into it where nothing is padded or reordered.
  private func addProduct(
    _ d: UnsafePointer<Float>, rows: IndexMap, _ x: UnsafePointer<Float>, columns: IndexMap, ld: Int,
    depth: Int,
    to parameter: UnsafeMutablePointer<Float>, width: Int
  ) {
    guard depth > 0 else { return }
    let f = kernels.functions
    let panels = f.gradient_scratch(rows.count, columns.count)
    scratch.reserve(panels * team.count + rows.count * columns.count)
    let isDirect = rows.isIdentity && columns.isIdentity
    let stored = isDirect ? parameter : scratch.base + panels * team.count
    let ldc = isDirect ? width : columns.count
    let own = scratch.base
    team.run(.weightGradients, operations: rows.count * columns.count * depth) { share in
      let part = share.of(rows.count, grain: 24)
      f.multiply_gradient(
        part.count, columns.count, depth, d + part.lowerBound, gateStride, x, ld,
        stored + part.lowerBound * ldc, ldc,
        isDirect ? 1 : 0, own + share.index * panels)
    }
    if !isDirect { rows.scatterAdd(stored, columns: columns, to: parameter, width: width) }
  }
}
