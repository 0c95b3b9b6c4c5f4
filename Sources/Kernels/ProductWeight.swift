import CKernels

/// The products of a weight W `[outputs, inputs]` with rows of a batch.
public enum ProductKind: String, CaseIterable, Codable, Sendable {
  /// y = x·Wᵀ + b
  case forward
  /// dx = dy·W
  case back
  /// dW = dyᵀ·x, a sum over all rows
  case gradient
}

/// A weight as products read it: packed for own kernels, as it lies for a BLAS.
///
/// Its rows and columns may be stored in another order than the parameter's, and padded: tables give for each stored one its place in the
/// parameter, or -1 for zeros; whoever makes a weight keeps them. It is used from one thread, whose team shares the work.
package final class ProductWeight {
  /// As stored.
  package let outputs: Int
  package let inputs: Int
  /// What is asked of it, and what of that for all rows of a batch at once: step by step own kernels are faster.
  package let kinds: Set<ProductKind>
  let merged: Set<ProductKind>
  private let (hasForward, hasBack): (Bool, Bool)
  /// Whether it sees each step of a batch's sequences, or one row of each.
  let seesSteps: Bool
  private let rowTable: UnsafePointer<Int32>?
  private let columnTable: UnsafePointer<Int32>?
  /// Whether threads share the inputs of a gradient; else its outputs.
  private let cutsInputs: Bool
  private let kernels: KernelSet
  private let team: Team
  private let shared: Shared

  /// From how many rows on a BLAS computes each kind.
  private var (forwardFrom, backFrom, gradientFrom) = (Int.max, Int.max, Int.max)
  private let packed: FloatBuffer
  private let packedBack: FloatBuffer
  /// In the stored order, for a BLAS; nothing where the parameter is.
  private var copy = FloatBuffer(0)
  private var parameter: (base: UnsafePointer<Float>, stride: Int)?
  private var (isPacked, isPackedBack) = (false, false)

  /// What all weights of a model share.
  final class Shared {
    var library: BLASLibrary?
    var isTraining = false
    /// Of a gradient's product, a part for each thread.
    var scratch = FloatBuffer(0)
  }

  /// Who computes.
  package enum Backend { case own, blas }

  init(
    _ outputs: Int, _ inputs: Int, rowTable: UnsafePointer<Int32>?, columnTable: UnsafePointer<Int32>?,
    _ kinds: Set<ProductKind>, stepwise: Set<ProductKind>, seesSteps: Bool, cutsInputs: Bool,
    _ kernels: KernelSet, _ team: Team, _ shared: Shared
  ) {
    (self.outputs, self.inputs, self.kinds, self.seesSteps) = (outputs, inputs, kinds, seesSteps)
    merged = kinds.subtracting(stepwise)
    (hasForward, hasBack) = (kinds.contains(.forward), kinds.contains(.back))
    (self.rowTable, self.columnTable, self.cutsInputs) = (rowTable, columnTable, cutsInputs)
    (self.kernels, self.team, self.shared) = (kernels, team, shared)
    let size = kernels.functions.packed_size
    packed = FloatBuffer(hasForward ? size(outputs, inputs) : 0)
    packedBack = FloatBuffer(hasBack ? size(inputs, outputs) : 0)
  }

  // MARK: The weight

  /// Takes the parameter's values, for packed copies that are made now or when they are needed.
  /// - weight: its first row; the next one lies `stride` after it. It must stay as it is until the next call.
  /// - forwardLater: whether the copy for `forward` is made only where somebody asks.
  package func pack(
    _ weight: UnsafePointer<Float>, stride: Int, forBackward: Bool, forwardLater: Bool = false
  ) {
    parameter = (weight, stride)
    (isPacked, isPackedBack) = (false, false)
    let isTraining = shared.isTraining
    if hasForward, !forwardLater, forwardFrom == .max || !isTraining { packForward() }
    guard forBackward else { return }
    if hasBack, backFrom == .max { packBack() }
    if isTraining, forwardFrom < .max || backFrom < .max { copyStored() }
  }

  private func packForward() {
    let (weight, stride) = parameter!
    kernels.functions.pack_transposed(
      weight, stride, rowTable, outputs, columnTable, inputs, packed.base)
    isPacked = true
  }

  private func packBack() {
    let (weight, stride) = parameter!
    kernels.functions.pack(weight, stride, rowTable, outputs, columnTable, inputs, packedBack.base)
    isPackedBack = true
  }

  private func copyStored() {
    guard rowTable != nil || columnTable != nil, let (weight, stride) = parameter else { return }
    copy.reserve(outputs * inputs)
    for row in 0..<outputs {
      let (to, source) = (copy.base + row * inputs, rowTable.map { Int($0[row]) } ?? row)
      guard source >= 0 else {
        to.update(repeating: 0, count: inputs)
        continue
      }
      let from = weight + source * stride
      guard let columnTable else {
        to.update(from: from, count: inputs)
        continue
      }
      for column in 0..<inputs { to[column] = columnTable[column] < 0 ? 0 : from[Int(columnTable[column])] }
    }
  }

  /// W in the stored order.
  private var stored: (base: UnsafePointer<Float>, stride: Int) {
    rowTable == nil && columnTable == nil ? parameter! : (UnsafePointer(copy.base), inputs)
  }

  /// Lets a BLAS compute a kind of product of so many rows and more; never where that is `Int.max`.
  func setBLAS(_ kind: ProductKind, from rows: Int) {
    switch kind {
    case .forward: forwardFrom = rows
    case .back: backFrom = rows
    case .gradient: gradientFrom = rows
    }
  }

  /// Who computes a product of so many rows, with all it needs made ready.
  package func side(_ kind: ProductKind, rows: Int) -> Backend {
    switch kind {
    case .forward:
      if rows >= forwardFrom, shared.isTraining { return .blas }
      if !isPacked { packForward() }
    case .back:
      if rows >= backFrom, shared.isTraining { return .blas }
      if !isPackedBack { packBack() }
    case .gradient:
      if rows >= gradientFrom, shared.isTraining { return .blas }
    }
    return .own
  }

  // MARK: Products of all threads

  /// y `[rows, outputs]` = x·Wᵀ + bias.
  package func forward(
    _ x: UnsafePointer<Float>, stride: Int, rows: Int, bias: UnsafePointer<Float>?,
    to y: UnsafeMutablePointer<Float>, stride yStride: Int, _ phase: StepPhase
  ) {
    let side = side(.forward, rows: rows)
    team.run(phase, operations: rows * outputs * inputs) { share in
      let part = share.of(rows)
      forward(
        side, x + part.lowerBound * stride, stride: stride, rows: part.count, bias: bias,
        to: y + part.lowerBound * yStride, stride: yStride)
    }
  }

  /// dx `[rows, inputs]` = dy·W, or added to dx.
  package func back(
    _ dy: UnsafePointer<Float>, stride: Int, rows: Int, to dx: UnsafeMutablePointer<Float>,
    stride xStride: Int, adding: Bool, _ phase: StepPhase
  ) {
    let side = side(.back, rows: rows)
    team.run(phase, operations: rows * outputs * inputs) { share in
      let part = share.of(rows)
      back(
        side, dy + part.lowerBound * stride, stride: stride, rows: part.count,
        to: dx + part.lowerBound * xStride, stride: xStride, adding: adding)
    }
  }

  /// dW `[outputs, inputs]` = dyᵀ·x, or added to dW: the sum over rows that lie in groups.
  package func gradient(
    _ dy: UnsafePointer<Float>, stride: Int, _ x: UnsafePointer<Float>, stride xStride: Int, rows: Int,
    _ groups: rk_groups, to dW: UnsafeMutablePointer<Float>, stride wStride: Int, adding: Bool,
    _ phase: StepPhase
  ) {
    let isTogether = groups.size >= rows
    let library = isTogether && rows >= gradientFrom && shared.isTraining ? shared.library : nil
    let panels = kernels.functions.gradient_scratch(outputs, inputs)
    shared.scratch.reserve(panels * team.count)
    let scratch = shared.scratch.base
    var groups = groups
    // Whole tiles, of 6 or 8 outputs; where there are few outputs, equal shares count more.
    let grain = outputs < 480 ? 8 : 24
    let isNarrow = library == nil && kernels.functions.is_narrow_gradient(outputs, inputs) != 0
    let cutsInputs = cutsInputs || isNarrow
    team.run(phase, operations: rows * outputs * inputs) { share in
      let outputs = cutsInputs ? 0..<outputs : share.of(outputs, grain: grain)
      let inputs = cutsInputs ? share.of(inputs, grain: isNarrow ? 2 : 16) : 0..<inputs
      let (d, x) = (dy + outputs.lowerBound, x + inputs.lowerBound)
      let to = dW + outputs.lowerBound * wStride + inputs.lowerBound
      if let library {
        library.multiply(
          outputs.count, inputs.count, rows, d, stride, transposed: true, x, xStride, to: to, wStride,
          adding: adding)
        return
      }
      kernels.functions.multiply_gradient(
        outputs.count, inputs.count, rows, &groups, d, stride, x, xStride, to, wStride, adding ? 1 : 0,
        scratch + share.index * panels)
    }
  }

  // MARK: A thread's part of them

  /// - side: what `side` said of all rows.
  package func forward(
    _ side: Backend, _ x: UnsafePointer<Float>, stride: Int, rows: Int, bias: UnsafePointer<Float>?,
    to y: UnsafeMutablePointer<Float>, stride yStride: Int
  ) {
    guard side == .blas, let library = shared.library else {
      kernels.functions.multiply(rows, outputs, inputs, x, stride, 1, packed.base, bias, y, yStride, 0)
      return
    }
    if let bias { for row in 0..<rows { (y + row * yStride).update(from: bias, count: outputs) } }
    let (w, wStride) = stored
    library.multiply(
      rows, outputs, inputs, x, stride, w, wStride, otherTransposed: true, to: y, yStride, adding: bias != nil
    )
  }

  /// - side: what `side` said of all rows.
  package func back(
    _ side: Backend, _ dy: UnsafePointer<Float>, stride: Int, rows: Int, to dx: UnsafeMutablePointer<Float>,
    stride xStride: Int, adding: Bool
  ) {
    guard side == .blas, let library = shared.library else {
      kernels.functions.multiply(
        rows, inputs, outputs, dy, stride, 1, packedBack.base, nil, dx, xStride, adding ? 1 : 0)
      return
    }
    let (w, wStride) = stored
    library.multiply(rows, inputs, outputs, dy, stride, w, wStride, to: dx, xStride, adding: adding)
  }
}
