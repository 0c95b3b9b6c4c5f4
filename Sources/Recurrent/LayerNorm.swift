import CKernels
import Kernels

/// Layer normalization of rows of padded blocks (Ba et al. 2016): y = α·x̂ + β with x̂ = (x - mean) / √(variance + 1e-5), the
/// mean and variance of a row taken over each group of blocks by itself.
///
/// Padding is zero and stays zero.
final class LayerNorm {
  static let epsilon: Float = 1e-5

  private let weight: Int
  private let bias: Int?
  /// Units of a block, and these padded.
  private let hidden: Int
  private let units: Int
  /// The blocks that are normalized together.
  private let groups: [Range<Int>]
  private let map: IndexMap
  private let alpha: FloatBuffer
  private let beta: FloatBuffer
  private let sums: FloatBuffer
  private let kernels: KernelSet

  /// - weight, bias: where α and β lie in the flat buffer; bias nil for none.
  init(weight: Int, bias: Int?, groups: [Range<Int>], hidden: Int, units: Int, _ kernels: KernelSet) {
    self.kernels = kernels
    self.weight = weight
    self.bias = bias
    self.hidden = hidden
    self.units = units
    self.groups = groups
    let blocks = groups.last!.upperBound
    map = IndexMap(order: Array(0..<blocks), width: hidden, padded: units)
    alpha = FloatBuffer(blocks * units)
    beta = FloatBuffer(blocks * units)
    sums = FloatBuffer(blocks * units)
  }

  var width: Int { alpha.count }
  /// Deviations kept for each row.
  var deviations: Int { groups.count }

  func pack(_ parameters: UnsafePointer<Float>) {
    alpha.base.update(repeating: 0, count: width)
    beta.base.update(repeating: 0, count: width)
    map.gatherAdd(parameters + weight, to: alpha.base)
    if let bias { map.gatherAdd(parameters + bias, to: beta.base) }
  }

  private var norm: rk_norm {
    let last = groups.last!.upperBound
    return rk_norm(
      groups: groups.count, first: (0, groups[0].upperBound, last), hidden: hidden, units: units,
      epsilon: Self.epsilon, alpha: alpha.base, beta: beta.base)
  }

  /// Replaces rows by their x̂ and keeps 1/deviation of each group.
  func normalize(_ x: UnsafeMutablePointer<Float>, deviation: UnsafeMutablePointer<Float>, rows: Int) {
    var norm = norm
    kernels.functions.stepped.norm_forward(&norm, x, deviation, rows)
  }

  /// y of x̂, or added to y, in these columns; `y` is where the first of them goes.
  func apply(
    _ x: UnsafePointer<Float>, _ columns: Range<Int>, to y: UnsafeMutablePointer<Float>, stride: Int,
    adding: Bool, rows: Int
  ) {
    var norm = norm
    kernels.functions.stepped.norm_apply(
      &norm, x, columns.lowerBound, columns.upperBound, y, stride, adding ? 1 : 0, rows)
  }

  /// The gradient of rows before normalization, from that of y. `dx` may be `dy`.
  func backward(
    _ dy: UnsafePointer<Float>, _ x: UnsafePointer<Float>, deviation: UnsafePointer<Float>,
    dx: UnsafeMutablePointer<Float>, rows: Int
  ) {
    var norm = norm
    kernels.functions.stepped.norm_backward(&norm, dy, x, deviation, dx, rows)
  }

  /// Adds the gradients of α and β over these rows.
  func addGradients(
    _ dy: UnsafePointer<Float>, _ x: UnsafePointer<Float>, _ groups: RowGroups,
    to parameters: UnsafeMutablePointer<Float>
  ) {
    sums.base.update(repeating: 0, count: width)
    for rows in groups {
      let start = rows.lowerBound * width
      kernels.functions.stepped.column_products(x + start, dy + start, rows.count, width, sums.base)
    }
    map.scatterAdd(sums.base, to: parameters + weight)
    guard let bias else { return }
    sums.base.update(repeating: 0, count: width)
    groups.addColumns(of: dy, width, stride: width, kernels, to: sums.base)
    map.scatterAdd(sums.base, to: parameters + bias)
  }
}
