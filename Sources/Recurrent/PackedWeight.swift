import CKernels
import Kernels

/// A weight of the flat buffer, packed for products with padded rows, and its gradient.
///
/// The parameter is `[rows, width]`; stored rows and columns follow from it by their maps.
final class PackedWeight {
  let rows: IndexMap
  let columns: IndexMap
  private let start: Int
  private let width: Int
  private let kernels: KernelSet
  private let forward: FloatBuffer
  private let back: FloatBuffer
  private var scratch = FloatBuffer(0)

  /// - start: where it lies in the flat buffer.
  init(_ start: Int, _ rows: IndexMap, _ columns: IndexMap, width: Int, _ kernels: KernelSet) {
    self.start = start
    self.rows = rows
    self.columns = columns
    self.width = width
    self.kernels = kernels
    forward = FloatBuffer(kernels.functions.packed_size(rows.count, columns.count))
    back = FloatBuffer(kernels.functions.packed_size(columns.count, rows.count))
  }

  func pack(_ parameters: UnsafePointer<Float>, forBackward: Bool) {
    let (f, weight) = (kernels.functions, parameters + start)
    f.pack_transposed(weight, width, rows.table, rows.count, columns.table, columns.count, forward.base)
    if forBackward { f.pack(weight, width, rows.table, rows.count, columns.table, columns.count, back.base) }
  }

  /// y `[count, rows]` = x·Wᵀ + bias.
  func multiply(
    _ x: UnsafePointer<Float>, stride: Int, count: Int, bias: UnsafePointer<Float>?,
    to y: UnsafeMutablePointer<Float>, stride yStride: Int
  ) {
    guard count > 0 else { return }
    kernels.functions.multiply(
      count, rows.count, columns.count, x, stride, 1, forward.base, bias, y, yStride, 0)
  }

  /// dx `[count, columns]` = dy·W, or added to dx.
  func multiplyBack(
    _ dy: UnsafePointer<Float>, stride: Int, count: Int, to dx: UnsafeMutablePointer<Float>,
    stride xStride: Int,
    adding: Bool = false
  ) {
    guard count > 0 else { return }
    kernels.functions.multiply(
      count, columns.count, rows.count, dy, stride, 1, back.base, nil, dx, xStride, adding ? 1 : 0)
  }

  /// Adds dyᵀ·x over these rows to the weight's gradient.
  func addGradient(
    _ dy: UnsafePointer<Float>, stride: Int, _ x: UnsafePointer<Float>, stride xStride: Int,
    _ groups: RowGroups, to gradients: UnsafeMutablePointer<Float>, _ team: Team
  ) {
    let count = groups.rows
    guard count > 0 else { return }
    let (dy, x) = (dy + groups.first * stride, x + groups.first * xStride)
    var layout = groups.kernel
    let f = kernels.functions
    let (rows, columns) = (rows, columns)
    let panels = f.gradient_scratch(rows.count, columns.count)
    scratch.reserve(panels * team.count + rows.count * columns.count)
    let own = scratch.base
    let stored = own + panels * team.count
    team.run(.weightGradients, operations: rows.count * columns.count * count) { share in
      let part = share.of(rows.count, grain: 24)
      f.multiply_gradient_groups(
        part.count, columns.count, count, &layout, dy + part.lowerBound, stride, x, xStride,
        stored + part.lowerBound * columns.count, columns.count, 0, own + share.index * panels)
    }
    rows.scatterAdd(stored, columns: columns, to: gradients + start, width: width)
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
