import CKernels
import Kernels

/// Layer normalization of rows of padded blocks (Ba et al. 2016): y = α·x̂ + β with x̂ = (x - mean) / √(variance + 1e-5), the
/// mean and variance of a row taken over each group of blocks by itself.
///
/// Padding is zero and stays zero. Gradients of α and β are summed in the time loop, over the rows of each part of a batch by itself.
package final class LayerNorm {
  package static let epsilon: Float = 1e-5

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
  /// Gradients of α and β of each part of a batch `[parts, 2, width]`, and of several parts together.
  private var partial = FloatBuffer(0)
  private let sums: FloatBuffer
  private let kernels: KernelSet
  /// Another norm whose rows get the same gradients: that of its β is this one's too.
  private let twin: LayerNorm?

  /// - weight, bias: where α and β lie in the flat buffer; bias nil for none.
  init(
    weight: Int, bias: Int?, groups: [Range<Int>], hidden: Int, units: Int, twin: LayerNorm? = nil,
    _ kernels: KernelSet
  ) {
    self.kernels = kernels
    self.twin = twin
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
  /// Numbers kept for each row: mean and 1/deviation of each group.
  var moments: Int { 2 * groups.count }

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

  /// Makes room for the gradients of so many parts of a batch, and zeroes it.
  func prepareBackward(parts: Int) {
    partial.reserve(parts * 2 * width)
    partial.base.update(repeating: 0, count: parts * 2 * width)
  }

  /// Rows `[_, width]` as they are before the norm, with their moments.
  /// - part: the part of the batch they belong to, in backward.
  func rows(
    _ x: UnsafeMutablePointer<Float>, moments: UnsafeMutablePointer<Float>, part: Int? = nil
  ) -> rk_normed {
    let sums = part.map { partial.base + $0 * 2 * width }
    return rk_normed(
      norm: norm, x: x, moments: moments, d_alpha: sums, d_beta: twin == nil ? sums.map { $0 + width } : nil)
  }

  /// Fills the moments of rows.
  func measure(_ x: UnsafeMutablePointer<Float>, moments: UnsafeMutablePointer<Float>, rows count: Int) {
    var rows = rows(x, moments: moments)
    kernels.functions.stepwise.norm_moments(&rows, count)
  }

  /// Adds the gradients of α and β of these parts of the batch, in their order.
  func addGradients(_ parts: Range<Int>, to parameters: UnsafeMutablePointer<Float>) {
    add(partial.base, parts, to: parameters + weight)
    if let bias { add((twin ?? self).partial.base + width, parts, to: parameters + bias) }
  }

  private func add(
    _ partial: UnsafePointer<Float>, _ parts: Range<Int>, to parameter: UnsafeMutablePointer<Float>
  ) {
    let stride = 2 * width
    sums.base.update(repeating: 0, count: width)
    kernels.functions.column_sums(
      partial + parts.lowerBound * stride, parts.count, width, stride, sums.base)
    map.scatterAdd(sums.base, to: parameter)
  }
}
