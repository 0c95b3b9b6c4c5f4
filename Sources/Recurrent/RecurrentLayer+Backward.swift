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
    switch kind.cell {
    case .lstm: f.lstm_backward(&layer)
    case .gru: f.gru_backward(&layer)
    case .rnn, .none: f.rnn_backward(&layer, kind.relu ? 1 : 0)
    }
    weightGradients(pass, g.parameters)
    if needsInputGradient, let dInput = g.dInput {
      f.multiply(
        pass.steps * pass.batch, inputColumns.count, inputRows.count, gates.base, gateStride, 1,
        inputPackedBack.base, nil, dInput, g.dInputStride, g.accumulate ? 1 : 0)
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
    scratch.reserve(panels + rows.count * columns.count)
    if rows.isIdentity && columns.isIdentity {
      f.multiply_gradient(
        rows.count, columns.count, depth, d, gateStride, x, ld, parameter, width, 1, scratch.base)
    } else {
      let stored = scratch.base + panels
      f.multiply_gradient(
        rows.count, columns.count, depth, d, gateStride, x, ld, stored, columns.count, 0, scratch.base)
      rows.scatterAdd(stored, columns: columns, to: parameter, width: width)
    }
  }
}
