import CKernels
import Kernels
import TestSupport
import Testing

/// Matrix products of every instruction set against double precision, at sizes that fit no tile.
@Suite(.tags(.fast)) struct ProductTests {
  static let sizes: [(m: Int, n: Int, k: Int)] = [
    (1, 1, 1), (1, 17, 3), (2, 8, 5), (3, 16, 1), (5, 31, 7), (6, 32, 16), (7, 33, 64), (13, 48, 12),
    (20, 1, 40),
    (48, 28, 300), (16, 80, 7), (64, 10, 300), (245, 100, 65), (250, 15, 513), (9, 129, 260),
  ]

  private func numbers(_ count: Int, _ seed: Int) -> [Float] {
    (0..<count).map { Float(($0 * 7919 + seed * 104_729) % 2003) / 1001 - 1 }
  }

  /// The largest difference from the exact product, in units of what k roundings may add up to.
  private func error(
    _ c: [Float], _ exact: (Int, Int) -> (value: Double, size: Double), _ m: Int, _ n: Int, _ k: Int
  )
    -> Double
  {
    var worst = 0.0
    for i in 0..<m {
      for j in 0..<n {
        let (value, size) = exact(i, j)
        worst = max(
          worst, abs(Double(c[i * n + j]) - value) / (size * Double(Float.ulpOfOne) * Double(k + 2)))
      }
    }
    return worst
  }

  private func dot(_ k: Int, _ a: (Int) -> Float, _ b: (Int) -> Float, plus start: Float = 0)
    -> (value: Double, size: Double)
  {
    (0..<k).reduce(into: (Double(start), abs(Double(start)))) { sum, p in
      let product = Double(a(p)) * Double(b(p))
      sum = (sum.0 + product, sum.1 + abs(product))
    }
  }

  @Test(arguments: sizes) func `equal double precision`(_ m: Int, _ n: Int, _ k: Int) {
    let (a, w, bias) = (numbers(m * k, 1), numbers(n * k, 2), numbers(n, 3))
    for kernels in KernelSet.available {
      let f = kernels.functions
      let packed = FloatBuffer(f.packed_size(n, k))
      var c = [Float](repeating: .nan, count: m * n)
      f.pack_transposed(w, k, nil, n, nil, k, packed.base)
      f.multiply(m, n, k, a, k, 1, packed.base, bias, &c, n, 0)
      #expect(error(c, { i, j in dot(k, { a[i * k + $0] }, { w[j * k + $0] }, plus: bias[j]) }, m, n, k) < 1)
      // The other operand as it lies, A by columns, added to what is there.
      let (b, columns) = (numbers(k * n, 4), numbers(k * m, 5))
      let before = c
      f.pack(b, n, nil, k, nil, n, packed.base)
      f.multiply(m, n, k, columns, 1, m, packed.base, nil, &c, n, 1)
      #expect(
        error(
          c, { i, j in dot(k, { columns[$0 * m + i] }, { b[$0 * n + j] }, plus: before[i * n + j]) }, m, n, k)
          < 1)
    }
  }

  @Test(arguments: sizes) func `of gradients equal double precision`(_ m: Int, _ n: Int, _ k: Int) {
    let (a, b) = (numbers(k * m, 6), numbers(k * n, 7))
    for kernels in KernelSet.available {
      let f = kernels.functions
      let scratch = FloatBuffer(f.gradient_scratch(m, n))
      var c = numbers(m * n, 8)
      let before = c
      var all = rk_groups(size: max(1, k), stride: max(1, k))
      f.multiply_gradient(m, n, k, &all, a, m, b, n, &c, n, 1, scratch.base)
      #expect(
        error(c, { i, j in dot(k, { a[$0 * m + i] }, { b[$0 * n + j] }, plus: before[i * n + j]) }, m, n, k)
          < 1)
    }
  }

  /// Rows of a lane, which lie in groups, add up to the same bits as the same rows one after the other.
  @Test(arguments: [(20, 3, 7), (4, 100, 33), (70, 200, 13), (100, 24, 10), (33, 1, 2), (48, 28, 9)])
  func `of gradients have the bits of the same rows without gaps`(_ m: Int, _ n: Int, _ groups: Int) {
    for (size, stride) in [(1, 5), (8, 64), (3, 3), (41, 50)] {
      let k = size * groups
      let (a, b) = (numbers(stride * groups * m, 6), numbers(stride * groups * n, 7))
      let rows = (0..<k).map { $0 / size * stride + $0 % size }
      let (closeA, closeB) = (
        rows.flatMap { a[$0 * m..<($0 + 1) * m] }, rows.flatMap { b[$0 * n..<($0 + 1) * n] }
      )
      for kernels in KernelSet.available {
        let f = kernels.functions
        let scratch = FloatBuffer(f.gradient_scratch(m, n))
        var (c, expected) = (numbers(m * n, 8), numbers(m * n, 8))
        var (layout, all) = (
          rk_groups(size: size, stride: stride), rk_groups(size: max(1, k), stride: max(1, k))
        )
        f.multiply_gradient(m, n, k, &layout, a, m, b, n, &c, n, 1, scratch.base)
        f.multiply_gradient(m, n, k, &all, closeA, m, closeB, n, &expected, n, 1, scratch.base)
        #expect(c == expected, "\(kernels.name), \(size) of \(stride)")
      }
    }
  }

  /// A row's bits depend neither on the rows beside it nor on the tile it falls into: threads and ranks may cut anywhere.
  @Test func `give a row the same bits in any company`() {
    let (m, n, k) = (23, 45, 300)
    let (a, w) = (numbers(m * k, 1), numbers(n * k, 2))
    for kernels in KernelSet.available + KernelSet.availableBF16 {
      let f = kernels.functions
      let packed = FloatBuffer(f.packed_size(n, k))
      f.pack_transposed(w, k, nil, n, nil, k, packed.base)
      var whole = [Float](repeating: 0, count: m * n)
      f.multiply(m, n, k, a, k, 1, packed.base, nil, &whole, n, 0)
      for cut in 1..<m {
        var part = [Float](repeating: 0, count: (m - cut) * n)
        f.multiply(m - cut, n, k, Array(a[(cut * k)...]), k, 1, packed.base, nil, &part, n, 0)
        #expect(part == Array(whole[(cut * n)...]))
      }
    }
  }
}
