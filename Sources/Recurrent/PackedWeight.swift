import Kernels

/// A weight of the flat buffer, packed for products with padded rows, and its gradient.
///
/// The parameter is `[rows, width]`; stored rows and columns follow from it by their maps.
final class PackedWeight {
  let rows: IndexMap
  let columns: IndexMap
  private let start: Int
  private let width: Int
  private let product: ProductWeight
  private var stored = FloatBuffer(0)

  /// - start: where it lies in the flat buffer.
  /// - stepwise: what is asked a step at a time.
  init(
    _ start: Int, _ rows: IndexMap, _ columns: IndexMap, width: Int, _ products: Products,
    stepwise: Set<ProductKind> = []
  ) {
    self.start = start
    self.rows = rows
    self.columns = columns
    self.width = width
    product = products.weight(
      outputs: rows.count, inputs: columns.count, rowTable: rows.table, columnTable: columns.table,
      [.forward, .back, .gradient], stepwise: stepwise)
  }

  func pack(_ parameters: UnsafePointer<Float>, forBackward: Bool) {
    product.pack(parameters + start, stride: width, forBackward: forBackward)
  }

  /// Who computes a product of so many rows, asked before threads share it.
  func side(_ kind: ProductKind, rows: Int) -> ProductWeight.Backend { product.side(kind, rows: rows) }

  /// y `[count, rows]` = x·Wᵀ + bias.
  func multiply(
    _ side: ProductWeight.Backend, _ x: UnsafePointer<Float>, stride: Int, count: Int,
    bias: UnsafePointer<Float>?, to y: UnsafeMutablePointer<Float>, stride yStride: Int
  ) {
    guard count > 0 else { return }
    product.forward(side, x, stride: stride, rows: count, bias: bias, to: y, stride: yStride)
  }

  /// dx `[count, columns]` = dy·W, or added to dx.
  func multiplyBack(
    _ side: ProductWeight.Backend, _ dy: UnsafePointer<Float>, stride: Int, count: Int,
    to dx: UnsafeMutablePointer<Float>, stride xStride: Int, adding: Bool = false
  ) {
    guard count > 0 else { return }
    product.back(side, dy, stride: stride, rows: count, to: dx, stride: xStride, adding: adding)
  }

  /// Adds dyᵀ·x over these rows to the weight's gradient.
  func addGradient(
    _ dy: UnsafePointer<Float>, stride: Int, _ x: UnsafePointer<Float>, stride xStride: Int,
    _ groups: RowGroups, to gradients: UnsafeMutablePointer<Float>
  ) {
    guard groups.rows > 0 else { return }
    stored.reserve(rows.count * columns.count)
    product.gradient(
      dy + groups.first * stride, stride: stride, x + groups.first * xStride, stride: xStride,
      rows: groups.rows, groups.kernel, to: stored.base, stride: columns.count, adding: false,
      .weightGradients)
    rows.scatterAdd(stored.base, columns: columns, to: gradients + start, width: width)
  }
}

/// A bias of the flat buffer with padding, and its gradient.
final class PaddedBias {
  private let start: Int
  private let rows: IndexMap
  private let values: FloatBuffer
  private let sums: FloatBuffer

  init(_ start: Int, _ rows: IndexMap) {
    self.start = start
    self.rows = rows
    values = FloatBuffer(rows.count)
    sums = FloatBuffer(rows.count)
  }

  var base: UnsafePointer<Float> { UnsafePointer(values.base) }

  func pack(_ parameters: UnsafePointer<Float>) {
    values.base.update(repeating: 0, count: rows.count)
    rows.gatherAdd(parameters + start, to: values.base)
  }

  func addGradient(
    _ dy: UnsafePointer<Float>, stride: Int, _ groups: RowGroups, to gradients: UnsafeMutablePointer<Float>,
    _ kernels: KernelSet
  ) {
    sums.base.update(repeating: 0, count: rows.count)
    groups.addColumns(of: dy, rows.count, stride: stride, kernels, to: sums.base)
    rows.scatterAdd(sums.base, to: gradients + start)
  }

  /// The same gradient as another bias was just given.
  func addGradient(of other: PaddedBias, to gradients: UnsafeMutablePointer<Float>) {
    rows.scatterAdd(other.sums.base, to: gradients + start)
  }
}
