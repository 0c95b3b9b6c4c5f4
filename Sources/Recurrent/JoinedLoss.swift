import Kernels

/// A last layer with cross entropy over its outputs: product, loss and all gradients for some rows after others.
///
/// The outputs of a batch and their gradient, which a large vocabulary makes the largest things of a step, are never there all at once. Each
/// number is added up in the order in which it would be, so that the bits are those of the layer and the loss one after the other.
final class JoinedLoss {
  private let layer: Linear
  /// Outputs of a block's rows, then their gradients.
  private let outputs = GrowingBuffer()
  /// What the layer reads of these rows, and the gradient of that, where they don't lie one after the other.
  private let gathered = GrowingBuffer()
  private let dGathered = GrowingBuffer()
  /// A row of outputs for each thread, for losses that need them longer.
  private let kept = GrowingBuffer()
  private var terms: UnsafeMutableBufferPointer<ClassLoss> = .allocate(capacity: 0)

  init(_ layer: Linear) { self.layer = layer }
  deinit { terms.deallocate() }

  /// From how many outputs on; fewer are near anyway.
  static let fewestOutputs = 512
  /// Rows of a block: as many as the gradient's product adds up at once, in as much memory as this.
  private static let mostRows = 448
  private static let mostOutputs = 1 << 24
  private static let fewestRows = 96

  /// How many of so many rows are computed at once: about equal parts, of whole pairs of rows for bfloat16.
  static func blockRows(_ rows: Int, outputs: Int) -> Int {
    let most = max(fewestRows, min(mostRows, mostOutputs / max(outputs, 1)))
    let blocks = max(1, (rows + most - 1) / most)
    return ((rows + blocks - 1) / blocks + 1) / 2 * 2
  }

  /// Adds the gradients of weight and bias; dx gets that of x where it is wanted.
  /// - x: `[rows, inputs]`, as for `Linear.backward`.
  /// - add: is told what each row adds to the loss, in their order, and which part of the batch it belongs to, where lanes are parts.
  func backward(
    _ loss: Loss, _ targets: Loss.Targets, _ x: UnsafePointer<Float>, dx: UnsafeMutablePointer<Float>?,
    _ rows: HeadRows, _ target: GradientTarget, add: (_ part: Int, ClassLoss) -> Void
  ) {
    guard case .crossEntropy(let ignoreIndex, let weights, let smoothing) = loss else {
      preconditionFailure("this loss is none of classes")
    }
    let entropy = CrossEntropy(ignoreIndex, weights, smoothing, layer.outputs, layer.kernels)
    target.add(layer.weight, layer.bias, overwriting: layer.weight, batch: rows.batch, layer.team) { part in
      let groups = rows.groups(of: part.sequences)
      let most = Self.blockRows(groups.rows, outputs: layer.outputs)
      reserve(rows: most, keepsLogits: entropy.keepsLogits)
      var start = 0
      while start < groups.rows {
        let block = RowBlock(groups, start..<min(start + most, groups.rows))
        compute(block, entropy, targets, x, dx)
        for row in 0..<block.count { add(part.index, terms[row]) }
        let from = block.first.map { x + $0 * layer.inputs } ?? UnsafePointer(gathered.base)
        addGradients(from, rows: block.count, to: part, overwrites: start == 0)
        start += block.count
      }
    }
  }

  private func reserve(rows: Int, keepsLogits: Bool) {
    outputs.reserve(rows * layer.outputs)
    if keepsLogits { kept.reserve(layer.team.count * layer.outputs) }
    guard terms.count < rows else { return }
    terms.deallocate()
    terms = .allocate(capacity: rows)
  }

  /// Outputs, losses and their gradients, and what goes to the layer below: of each row by itself.
  private func compute(
    _ block: RowBlock, _ entropy: CrossEntropy, _ targets: Loss.Targets, _ x: UnsafePointer<Float>,
    _ dx: UnsafeMutablePointer<Float>?
  ) {
    let (product, inputs, width) = (layer.product, layer.inputs, layer.outputs)
    let side = product.side(.forward, rows: block.count)
    let sideBack = dx == nil ? side : product.side(.back, rows: block.count)
    if block.first == nil {
      gathered.reserve(block.count * inputs)
      dGathered.reserve(block.count * inputs)
    }
    let passes = dx == nil ? 1 : 2
    layer.team.run(.head, operations: passes * block.count * inputs * width) { share in
      let rows = share.of(block.count)
      var from = gathered.base + rows.lowerBound * inputs
      if let first = block.first {
        from = UnsafeMutablePointer(mutating: x) + (first + rows.lowerBound) * inputs
      } else {
        for row in rows {
          (gathered.base + row * inputs).update(from: x + block[row] * inputs, count: inputs)
        }
      }
      let y = outputs.base + rows.lowerBound * width
      product.forward(
        side, from, stride: inputs, rows: rows.count, bias: layer.biasValues, to: y, stride: width)
      for row in rows {
        terms[row] = turn(row, block[row], entropy, targets, kept.base + share.index * width)
      }
      guard let dx else { return }
      let to = block.first.map { dx + $0 * inputs } ?? dGathered.base
      product.back(
        sideBack, y, stride: width, rows: rows.count, to: to + rows.lowerBound * inputs, stride: inputs,
        adding: false)
      guard block.first == nil else { return }
      for row in rows { (dx + block[row] * inputs).update(from: to + row * inputs, count: inputs) }
    }
  }

  /// Turns a row of outputs into their gradients.
  /// - place: where the row lies in the batch.
  private func turn(
    _ row: Int, _ place: Int, _ entropy: CrossEntropy, _ targets: Loss.Targets,
    _ copy: UnsafeMutablePointer<Float>
  ) -> ClassLoss {
    let (y, width) = (outputs.base + row * layer.outputs, layer.outputs)
    let isRight =
      entropy.label(place, targets).map { layer.kernels.functions.is_largest(y, width, $0) != 0 } ?? false
    if entropy.keepsLogits { copy.update(from: y, count: width) }
    let terms = entropy.terms(place, entropy.keepsLogits ? copy : y, targets, y)
    return ClassLoss(terms: terms, isRight: isRight)
  }

  /// Of weight and bias, sums over the rows of a block on top of those before.
  private func addGradients(
    _ x: UnsafePointer<Float>, rows: Int, to slice: GradientTarget.BatchSlice, overwrites: Bool
  ) {
    let (width, groups) = (layer.outputs, RowGroups(0..<rows))
    layer.product.gradient(
      outputs.base, stride: width, x, stride: layer.inputs, rows: rows, groups.kernel,
      to: slice.gradients + layer.weight.lowerBound, stride: layer.inputs,
      adding: !overwrites || slice.overwritten.isEmpty, .head)
    guard let bias = layer.bias else { return }
    layer.team.run(.head, operations: rows * width) { share in
      let columns = share.of(width, grain: 64)
      layer.kernels.functions.column_sums(
        outputs.base + columns.lowerBound, rows, columns.count, width,
        slice.gradients + bias.lowerBound + columns.lowerBound)
    }
  }
}

/// Some rows of those that lie in groups.
private struct RowBlock {
  private let groups: RowGroups
  private let part: Range<Int>

  init(_ groups: RowGroups, _ part: Range<Int>) { (self.groups, self.part) = (groups, part) }

  var count: Int { part.count }
  /// The first row, where the others lie after it.
  var first: Int? {
    groups.count <= 1 || groups.size == groups.stride ? groups.first + part.lowerBound : nil
  }
  /// Where a row lies in the batch.
  subscript(_ index: Int) -> Int {
    let place = part.lowerBound + index
    return groups.first + place / groups.size * groups.stride + place % groups.size
  }
}
