import CKernels
import Kernels
import TestSupport
import Testing

/// Products in bfloat16: exactly those of the rounded operands, but for the rounding of float32 sums.
@Suite("bfloat16", .tags(.fast)) struct BFloatTests {
  /// To nearest, ties to even.
  private func rounded(_ x: Float) -> Float {
    let bits = x.bitPattern
    return Float(bitPattern: (bits + 0x7fff + (bits >> 16 & 1)) & 0xffff_0000)
  }

  private func numbers(_ count: Int, _ seed: Int) -> [Float] {
    (0..<count).map { Float(($0 * 7919 + seed * 104_729) % 200_003) / 100_001 - 1 }
  }

  /// The largest difference from Σ over p of a(i, p)·b(p, j), in units of what k roundings may add up to.
  private func error(
    _ c: [Float], _ m: Int, _ n: Int, _ k: Int, from start: [Float], _ a: (Int, Int) -> Float,
    _ b: (Int, Int) -> Float
  ) -> Double {
    var worst = 0.0
    for i in 0..<m {
      for j in 0..<n {
        var (value, size) = (Double(start[i * n + j]), abs(Double(start[i * n + j])))
        for p in 0..<k {
          let product = Double(rounded(a(i, p))) * Double(rounded(b(p, j)))
          (value, size) = (value + product, size + abs(product))
        }
        let unit = size * Double(Float.ulpOfOne) * Double(k + 2)
        worst = max(worst, abs(Double(c[i * n + j]) - value) / unit)
      }
    }
    return worst
  }

  @Test(arguments: ProductTests.sizes) func `products are those of rounded operands`(
    _ m: Int, _ n: Int, _ k: Int
  ) {
    let (a, w, bias) = (numbers(m * k, 1), numbers(n * k, 2), numbers(n, 3))
    let (b, columns) = (numbers(k * n, 4), numbers(k * m, 5))
    for kernels in KernelSet.availableBF16 {
      let f = kernels.functions
      let packed = FloatBuffer(f.packed_size(max(n, k), max(n, k)))
      var c = [Float](repeating: .nan, count: m * n)
      f.pack_transposed(w, k, nil, n, nil, k, packed.base)
      f.multiply(m, n, k, a, k, 1, packed.base, bias, &c, n, 0)
      let biases = (0..<m).flatMap { _ in bias }
      #expect(
        error(c, m, n, k, from: biases, { a[$0 * k + $1] }, { w[$1 * k + $0] }) < 1, "\(kernels.name)")
      var before = c
      f.pack(b, n, nil, k, nil, n, packed.base)
      f.multiply(m, n, k, columns, 1, m, packed.base, nil, &c, n, 1)
      #expect(error(c, m, n, k, from: before, { columns[$1 * m + $0] }, { b[$0 * n + $1] }) < 1)
      before = c
      let scratch = FloatBuffer(f.gradient_scratch(m, n))
      var all = rk_groups(size: max(1, k), stride: max(1, k))
      f.multiply_gradient(m, n, k, &all, columns, m, b, n, &c, n, 1, scratch.base)
      #expect(error(c, m, n, k, from: before, { columns[$1 * m + $0] }, { b[$0 * n + $1] }) < 1)
    }
  }

  /// Rows and columns that a map leaves out are zero, those it moves are found where it says.
  @Test func `maps of rows and columns hold`() {
    let (m, n, k) = (3, 37, 9)
    let (a, w) = (numbers(m * k, 6), numbers(5 * 7, 7))
    let rows = (0..<Int32(n)).map { $0 % 7 == 3 ? -1 : $0 % 5 }
    let columns = (0..<Int32(k)).map { $0 == 4 ? -1 : 6 - $0 % 7 }
    func weight(_ row: Int, _ column: Int) -> Float {
      rows[row] < 0 || columns[column] < 0 ? 0 : w[Int(rows[row]) * 7 + Int(columns[column])]
    }
    for kernels in KernelSet.availableBF16 {
      let f = kernels.functions
      let packed = FloatBuffer(f.packed_size(n, n))
      var c = [Float](repeating: 0, count: m * n)
      let zero = c
      f.pack_transposed(w, 7, rows, n, columns, k, packed.base)
      f.multiply(m, n, k, a, k, 1, packed.base, nil, &c, n, 0)
      #expect(error(c, m, n, k, from: zero, { a[$0 * k + $1] }, { weight($1, $0) }) < 1)
      // The same weight from its other side: [k, n] with the maps exchanged.
      let wide = numbers(m * n, 8)
      var back = [Float](repeating: 0, count: m * k)
      f.pack(w, 7, rows, n, columns, k, packed.base)
      f.multiply(m, k, n, wide, n, 1, packed.base, nil, &back, k, 0)
      #expect(error(back, m, k, n, from: zero, { wide[$0 * n + $1] }, { weight($0, $1) }) < 1)
    }
  }

  @Test func `operands round to nearest, ties to even, and stay infinite or NaN`() {
    // 1 + 2⁻⁸ lies between two bfloat16 numbers, as do its neighbours' ties.
    let values: [Float] = [
      1 + 0x1p-8, 1 + 3 * 0x1p-8, 1 + 0x1.01p-8, -1 - 0x1p-8, 0x1.fffffep127, .infinity, -.infinity, .nan,
      Float(bitPattern: 0x7f80_0001), Float(bitPattern: 0x7fff_ffff), 0, -0.0, 0x1p-126,
    ]
    let expected: [Float] = [
      1, 1 + 0x1p-6, 1 + 0x1p-7, -1, .infinity, .infinity, -.infinity, .nan, .nan, .nan, 0, 0, 0x1p-126,
    ]
    for kernels in KernelSet.availableBF16 {
      let f = kernels.functions
      let packed = FloatBuffer(f.packed_size(1, 1))
      f.pack_transposed([1], 1, nil, 1, nil, 1, packed.base)
      for (value, expected) in zip(values, expected) {
        var c: [Float] = [9]
        f.multiply(1, 1, 1, [value], 1, 1, packed.base, nil, &c, 1, 0)
        #expect(c[0] == expected || (c[0].isNaN && expected.isNaN), "\(kernels.name): \(value) gave \(c[0])")
      }
    }
  }
}
