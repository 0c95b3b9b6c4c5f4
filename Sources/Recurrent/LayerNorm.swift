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
  private var sums: FloatBuffer

  /// - weight, bias: where α and β lie in the flat buffer; bias nil for none.
  init(weight: Int, bias: Int?, groups: [Range<Int>], hidden: Int, units: Int) {
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

  /// Replaces a row by its x̂ and keeps 1/deviation of each group.
  func normalize(_ row: UnsafeMutablePointer<Float>, deviation: UnsafeMutablePointer<Float>) {
    for (index, group) in groups.enumerated() {
      let count = Float(group.count * hidden)
      var sum: Float = 0
      for block in group { sum += reduce(row + block * units) { x, _ in x } }
      let mean = sum / count
      var squares: Float = 0
      for block in group { squares += reduce(row + block * units) { x, _ in (x - mean) * (x - mean) } }
      let inverse = 1 / (squares / count + Self.epsilon).squareRoot()
      deviation[index] = inverse
      for block in group {
        let x = row + block * units
        for unit in 0..<hidden { x[unit] = (x[unit] - mean) * inverse }
      }
    }
  }

  /// y of x̂, or added to y, in these columns; `y` is where the first of them goes.
  func apply(
    _ x: UnsafePointer<Float>, _ columns: Range<Int>, to y: UnsafeMutablePointer<Float>, adding: Bool
  ) {
    let start = columns.lowerBound
    let (x, alpha, beta) = (x + start, alpha.base + start, beta.base + start)
    if adding {
      for i in 0..<columns.count { y[i] += alpha[i] * x[i] + beta[i] }
    } else {
      for i in 0..<columns.count { y[i] = alpha[i] * x[i] + beta[i] }
    }
  }

  /// The gradient of a row before normalization, from that of y. `dx` may be `dy`.
  func backward(
    _ dy: UnsafePointer<Float>, _ x: UnsafePointer<Float>, deviation: UnsafePointer<Float>,
    dx: UnsafeMutablePointer<Float>
  ) {
    for (index, group) in groups.enumerated() {
      let count = Float(group.count * hidden)
      var sum: Float = 0
      var product: Float = 0
      for block in group {
        let (at, alpha) = (block * units, alpha.base + block * units)
        sum += reduce(dy + at) { d, unit in d * alpha[unit] }
        product += reduce(dy + at) { d, unit in d * alpha[unit] * x[at + unit] }
      }
      let (mean, slope) = (sum / count, product / count)
      for block in group {
        for i in block * units..<block * units + hidden {
          dx[i] = deviation[index] * (dy[i] * alpha.base[i] - mean - x[i] * slope)
        }
      }
    }
  }

  /// Adds the gradients of α and β over these rows, of which `x` holds the products afterwards.
  func addGradients(
    _ dy: UnsafePointer<Float>, _ x: UnsafeMutablePointer<Float>, _ groups: RowGroups, _ kernels: KernelSet,
    to parameters: UnsafeMutablePointer<Float>
  ) {
    for rows in groups {
      for i in rows.lowerBound * width..<rows.upperBound * width { x[i] *= dy[i] }
    }
    sum(x, groups, kernels, to: parameters + weight)
    if let bias { sum(dy, groups, kernels, to: parameters + bias) }
  }

  private func sum(
    _ x: UnsafePointer<Float>, _ groups: RowGroups, _ kernels: KernelSet,
    to parameter: UnsafeMutablePointer<Float>
  ) {
    sums.base.update(repeating: 0, count: width)
    groups.addColumns(of: x, width, stride: width, kernels, to: sums.base)
    map.scatterAdd(sums.base, to: parameter)
  }

  /// Σ f(x[unit], unit) over a block's units, eight sums side by side.
  @inline(__always)
  private func reduce(_ x: UnsafePointer<Float>, _ f: (Float, Int) -> Float) -> Float {
    var sums = SIMD8<Float>()
    let whole = hidden / 8 * 8
    for start in stride(from: 0, to: whole, by: 8) {
      for lane in 0..<8 { sums[lane] += f(x[start + lane], start + lane) }
    }
    return (whole..<hidden).reduce(sums.sum()) { $0 + f(x[$1], $1) }
  }
}
