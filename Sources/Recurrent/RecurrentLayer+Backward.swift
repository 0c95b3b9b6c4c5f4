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
    /// Where gradients of parameters are added.
    var parameters: GradientTarget
  }

  func backward(_ pass: LayerPass, _ g: Gradients) {
    let f = kernels.functions
    let state = pass.rows.batch * units
    copy(g.dFinalHidden, to: dHidden.base, count: state)
    copy(g.dFinalCell, to: dCell.base, count: state)
    var layer = layer(pass)
    layer.d_outputs = g.dOutput
    layer.d_output_stride = g.dOutputStride
    layer.want_initial = g.wantInitial ? 1 : 0
    team.run(.recurrenceBackward, operations: loopOperations(pass)) { share in
      var part = layer
      (part.first_row, part.last_row) = bounds(pass.rows, share)
      cell.kernels!.backward(f, &part, relu)
    }
    g.parameters.add(
      ranges.all, pass.vocabularies.first?.parameters, overwriting: writable(pass), batch: pass.rows.batch,
      team
    ) { part in
      weightGradients(pass, part)
      for (index, vocabulary) in pass.vocabularies.enumerated() where needsInputGradient {
        addVectorGradients(vocabulary, self.part(index), to: part.gradients + vocabulary.weight)
      }
    }
    if needsInputGradient, pass.vocabularies.isEmpty, let dInput = g.dInput {
      inputGradients(
        gates.base, rows: pass.rows.count, inputParts[0], to: dInput, stride: g.dInputStride,
        accumulate: g.accumulate)
    }
  }

  /// Adds the gradients of the codes' vectors to those of the table.
  private func addVectorGradients(
    _ vocabulary: ProjectedTable, _ part: InputPart, to table: UnsafeMutablePointer<Float>
  ) {
    let (count, width) = (vocabulary.count, vocabulary.columns.count)
    guard let rows = vocabulary.rows else {
      return inputGradients(
        part.codeGates.base, rows: count, part, to: table, stride: width, accumulate: true)
    }
    part.dVectors.reserve(count * width)
    inputGradients(
      part.codeGates.base, rows: count, part, to: part.dVectors.base, stride: width, accumulate: false)
    for place in 0..<count {
      let (from, to) = (part.dVectors.base + place * width, table + Int(rows[place]) * width)
      for column in 0..<width { to[column] += from[column] }
    }
  }

  private func inputGradients(
    _ dGates: UnsafePointer<Float>, rows: Int, _ columns: InputPart, to dInput: UnsafeMutablePointer<Float>,
    stride: Int, accumulate: Bool
  ) {
    columns.product.back(
      dGates, stride: gateStride, rows: rows, to: dInput, stride: stride, adding: accumulate, .inputGradients)
  }

  /// Sums the gate gradients of each code, in the order of the rows.
  private func sumCodes(
    _ vocabulary: ProjectedTable, _ groups: RowGroups, to sums: UnsafeMutablePointer<Float>
  ) {
    sums.update(repeating: 0, count: vocabulary.count * gateStride)
    team.run(.weightGradients, operations: groups.rows * inputRows.count) { share in
      let columns = share.of(inputRows.count, grain: 16)
      for rows in groups {
        for row in rows {
          let from = gates.base + row * gateStride
          let to = sums + vocabulary.place(row) * gateStride
          for column in columns { to[column] += from[column] }
        }
      }
    }
  }

  /// Gradients of h0 and c0 after `backward` with `wantInitial`, `[B, Hp]`.
  var initialGradients: (hidden: UnsafePointer<Float>, cell: UnsafePointer<Float>) {
    (UnsafePointer(dHidden.base), UnsafePointer(dCell.base))
  }

  private func copy(_ from: UnsafePointer<Float>?, to: UnsafeMutablePointer<Float>, count: Int) {
    if let from { to.update(from: from, count: count) } else { to.update(repeating: 0, count: count) }
  }

  /// One merged product per weight matrix over all steps of these sequences.
  private func weightGradients(_ pass: LayerPass, _ part: GradientTarget.BatchSlice) {
    let groups = pass.rows.groups(of: part.sequences)
    let parameters = part.gradients
    if hasNumbers(pass) {
      addProduct(
        inputParts[0].product, gates.base, rows: inputRows, pass.input, columns: inputParts[0].columns,
        ld: pass.inputStride, groups,
        to: ranges.inputWeight, of: part, width: inputWidth)
    }
    for (index, vocabulary) in pass.vocabularies.enumerated() {
      let own = self.part(index)
      sumCodes(vocabulary, groups, to: own.codeGates.base)
      addProduct(
        own.product, own.codeGates.base, rows: inputRows, vocabulary.vectors, columns: own.columns,
        ld: vocabulary.columns.count, RowGroups(0..<vocabulary.count), to: ranges.inputWeight + own.first,
        of: part, width: inputWidth)
    }
    if pass.rows.isUniform {
      recurrentGradient(pass, part)
    } else {
      packedRecurrentGradient(pass, part)
    }
    if let inputBias = ranges.inputBias, let recurrentBias = ranges.recurrentBias {
      padded.base.update(repeating: 0, count: padded.count)
      groups.addColumns(of: gates.base, gateStride, stride: gateStride, kernels, to: padded.base)
      inputRows.scatterAdd(padded.base, to: parameters + inputBias)
      recurrentRows.scatterAdd(padded.base + cell.recurrentSlot * units, to: parameters + recurrentBias)
    }
  }

  /// The weights that are a product each, straight where they lie.
  private func writable(_ pass: LayerPass) -> Range<Int> {
    guard isDirect(recurrentRows, recurrentColumns), pass.rows.isUniform, pass.rows.steps > 1 else {
      return 0..<0
    }
    let isInputToo = isDirect(inputRows, inputColumns)
    let start = isInputToo ? ranges.inputWeight : ranges.recurrentWeight
    return start..<(ranges.inputBias ?? ranges.all.upperBound)
  }

  private func recurrentGradient(_ pass: LayerPass, _ part: GradientTarget.BatchSlice) {
    let (steps, batch) = (pass.rows.steps, pass.rows.batch)
    let dRecurrent = gates.base + cell.recurrentSlot * units
    // Step t's gates saw the outputs of the previous step.
    let dLater = reverse ? dRecurrent : dRecurrent + batch * gateStride
    let before = reverse ? pass.output + batch * pass.outputStride : pass.output
    addProduct(
      recurrentProduct, dLater, rows: recurrentRows, before, columns: recurrentColumns, ld: pass.outputStride,
      pass.rows.groups(of: part.sequences, steps: steps - 1), to: ranges.recurrentWeight, of: part,
      width: hidden)
    if let h0 = pass.h0 {
      addProduct(
        recurrentProduct, dRecurrent + (reverse ? steps - 1 : 0) * batch * gateStride, rows: recurrentRows,
        h0,
        columns: recurrentColumns, ld: units, RowGroups(part.sequences), to: ranges.recurrentWeight,
        of: part, width: hidden, adding: true)
    }
  }

  /// Where lengths differ, the rows of a step and of the one before it are not a fixed distance apart: what the gates saw is
  /// copied beside them, so that it still is one product. Rows that begin from zero add nothing.
  private func packedRecurrentGradient(_ pass: LayerPass, _ part: GradientTarget.BatchSlice) {
    let rows = pass.rows
    before.reserve(rows.count * units)
    let to = before.base
    for step in 0..<rows.steps {
      let (start, end) = (rows.start(step), rows.start(step + 1))
      let other = reverse ? step + 1 : step - 1
      var shared = 0
      if other >= 0, other < rows.steps {
        let from = pass.output + rows.start(other) * pass.outputStride
        shared = min(end - start, rows.start(other + 1) - rows.start(other))
        for row in 0..<shared {
          (to + (start + row) * units).update(from: from + row * pass.outputStride, count: units)
        }
      }
      let fresh = (end - start - shared) * units
      if let h0 = pass.h0 {
        (to + (start + shared) * units).update(from: h0 + shared * units, count: fresh)
      } else {
        (to + (start + shared) * units).update(repeating: 0, count: fresh)
      }
    }
    // Forward, all rows begin at the first step.
    let skipped = reverse || pass.h0 != nil ? 0 : rows.batch
    addProduct(
      recurrentProduct, gates.base + cell.recurrentSlot * units + skipped * gateStride, rows: recurrentRows,
      to + skipped * units, columns: recurrentColumns, ld: units, RowGroups(0..<rows.count - skipped),
      to: ranges.recurrentWeight, of: part, width: hidden)
  }

  /// Whether a product is added to a gradient where that lies, term by term. Of unpadded units it is summed first, as it was while they were
  /// padded: the bits are those of checkpoints from then.
  private func isDirect(_ rows: IndexMap, _ columns: IndexMap) -> Bool {
    rows.isIdentity && columns.isIdentity && !isUnpadded
  }

  /// Adds (gate gradients)ᵀ · x to a weight's gradient, straight into it where nothing is padded or reordered.
  private func addProduct(
    _ product: ProductWeight, _ d: UnsafePointer<Float>, rows: IndexMap, _ x: UnsafePointer<Float>,
    columns: IndexMap, ld: Int, _ groups: RowGroups, to start: Int, of target: GradientTarget.BatchSlice,
    width: Int, adding: Bool = false
  ) {
    let parameter = target.gradients + start
    let accumulates = adding || !target.overwritten.contains(start)
    guard groups.rows > 0 else { return }
    let isDirect = isDirect(rows, columns)
    if !isDirect { stored.reserve(rows.count * columns.count) }
    product.gradient(
      d + groups.first * gateStride, stride: gateStride, x + groups.first * ld, stride: ld,
      rows: groups.rows, groups.kernel, to: isDirect ? parameter : stored.base,
      stride: isDirect ? width : columns.count, adding: isDirect && accumulates, .weightGradients)
    if !isDirect { rows.scatterAdd(stored.base, columns: columns, to: parameter, width: width) }
  }
}
