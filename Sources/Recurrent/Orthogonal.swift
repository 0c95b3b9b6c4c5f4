import Kernels

extension TorchGenerator {
  /// `torch.nn.init.orthogonal_` of a matrix `[rows, columns]`: rows or columns, whichever are fewer, become orthonormal
  /// (Saxe et al. 2014).
  ///
  /// PyTorch takes Q of the decomposition QR of a normal matrix where R has a positive diagonal. There is one such Q, so that
  /// Gram and Schmidt find the same.
  mutating func orthogonal(_ out: UnsafeMutableBufferPointer<Float>, columns: Int) {
    let rows = out.count / columns
    normal(out)
    // Vectors to be made orthonormal are the columns, or the rows of a wide matrix.
    let isWide = rows < columns
    let (count, length) = isWide ? (rows, columns) : (columns, rows)
    func place(_ vector: Int, _ i: Int) -> Int { isWide ? vector * columns + i : i * columns + vector }
    var basis: [[Double]] = []
    for vector in 0..<count {
      var x = (0..<length).map { Double(out[place(vector, $0)]) }
      // A second round takes away what rounding left of the first.
      for _ in 0..<2 {
        for q in basis { x.subtract(x.product(q), times: q) }
      }
      let norm = x.product(x).squareRoot()
      for i in x.indices { x[i] /= norm }
      basis.append(x)
      for i in x.indices { out[place(vector, i)] = Float(x[i]) }
    }
  }
}

extension [Double] {
  fileprivate func product(_ other: [Double]) -> Double {
    withUnsafeBufferPointer { a in
      other.withUnsafeBufferPointer { b in
        var sums = SIMD8<Double>()
        let whole = a.count / 8 * 8
        for i in stride(from: 0, to: whole, by: 8) {
          for lane in 0..<8 { sums[lane] += a[i + lane] * b[i + lane] }
        }
        return (whole..<a.count).reduce(sums.sum()) { $0 + a[$1] * b[$1] }
      }
    }
  }

  fileprivate mutating func subtract(_ factor: Double, times other: [Double]) {
    withUnsafeMutableBufferPointer { a in
      other.withUnsafeBufferPointer { b in for i in a.indices { a[i] -= factor * b[i] } }
    }
  }
}
