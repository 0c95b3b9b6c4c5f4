import CKernels
import Collective
import Kernels
import Recurrent

/// Sums of gradients as products of two thin matrices: PowerSGD (Vogels et al. 2019, algorithms 1 and 2), one step of power iteration that goes
/// on from the matrix of the step before, with error feedback. Vectors, and matrices that would be no smaller, travel whole.
///
/// Of each matrix M `[n, m]` of a rank, with what it has not sent yet: P = M·Qᵀ is summed and made orthonormal, Q `[rank, m]` = Pᵀ·M is summed, and
/// all take P·Q for the sum.
final class LowRankSum: GradientCompression {
  private struct FactoredMatrix {
    let range: Range<Int>
    let rows: Int
    let columns: Int
    let rank: Int
    /// Where its P lies in the first message.
    let left: Range<Int>
    /// Where its Q lies in the second.
    let right: Range<Int>
  }

  private let group: any Communicator
  private let kernels: KernelSet
  private let matrices: [FactoredMatrix]
  /// Of the gradients, in the first message after all P.
  private let whole: [Range<Int>]
  private let error: KeptBuffer
  /// Q of each matrix in the first places of its tensor, the rest zeros.
  private let factor: KeptBuffer
  private let first: FloatBuffer
  private let second: FloatBuffer
  private let scratch: FloatBuffer
  private let packed: FloatBuffer

  /// - seed: of Q before the first step.
  init(
    _ layout: ParameterLayout, frozen: FrozenParameters, rank: Int, seed: UInt64, kernels: KernelSet,
    group: any Communicator
  ) {
    (self.group, self.kernels) = (group, kernels)
    var (matrices, whole, lefts, rights) = ([FactoredMatrix](), [Range<Int>](), 0, 0)
    for entry in layout.entries where !frozen.contains(entry.range) {
      let rows = entry.shape.first ?? 1
      let columns = entry.range.count / max(1, rows)
      let rank = min(rank, rows, columns)
      guard entry.shape.count > 1, rank * (rows + columns) < rows * columns else {
        whole.append(entry.range)
        continue
      }
      matrices.append(
        FactoredMatrix(
          range: entry.range, rows: rows, columns: columns, rank: rank, left: lefts..<lefts + rows * rank,
          right: rights..<rights + columns * rank))
      lefts += rows * rank
      rights += columns * rank
    }
    (self.matrices, self.whole) = (matrices, whole)
    error = KeptBuffer(layout.count)
    factor = KeptBuffer(layout.count)
    first = FloatBuffer(lefts + whole.reduce(0) { $0 + $1.count })
    second = FloatBuffer(rights)
    scratch = FloatBuffer(matrices.map { kernels.functions.gradient_scratch($0.rank, $0.columns) }.max() ?? 0)
    packed = FloatBuffer(
      matrices.map {
        max(
          kernels.functions.packed_size($0.rank, $0.columns),
          kernels.functions.packed_size($0.columns, $0.rank))
      }.max() ?? 0)
    begin(seed)
  }

  var clips: Bool { false }
  var kept: [RankStates.OwnBuffer] { [.init(name: "error", values: error.values, isShare: true)] }
  var shared: [(prefix: String, values: UnsafeMutableBufferPointer<Float>)] {
    [("optimizer.powersgd.", factor.values)]
  }

  /// Draws each Q between -1 and 1: the words of splitmix64 in the order of the matrices.
  private func begin(_ seed: UInt64) {
    var state = seed
    for matrix in matrices {
      for i in 0..<matrix.right.count {
        state &+= 0x9e37_79b9_7f4a_7c15
        var word = state
        word = (word ^ word >> 30) &* 0xbf58_476d_1ce4_e5b9
        word = (word ^ word >> 27) &* 0x94d0_49bb_1331_11eb
        word ^= word >> 31
        factor.values[matrix.range.lowerBound + i] =
          Float(Int32(truncatingIfNeeded: word >> 32) >> 8) / 0x80_0000
      }
    }
  }

  func sum(
    _ gradients: UnsafeMutableBufferPointer<Float>, _ sums: UnsafeMutableBufferPointer<Double>,
    of batch: SummedBatch
  ) throws {
    let (first, second, samples) = (first.all, second.all, Float(batch.samples))
    for matrix in matrices { project(matrix, gradients, samples: samples) }
    var place = matrices.last?.left.upperBound ?? 0
    for range in whole {
      _ = UnsafeMutableBufferPointer(rebasing: first[place...]).update(fromContentsOf: gradients[range])
      place += range.count
    }
    try group.allReduceSum(first, sums)
    for matrix in matrices { refine(matrix) }
    try group.allReduceSum(second)
    for matrix in matrices { restore(matrix, gradients, samples: samples) }
    place = matrices.last?.left.upperBound ?? 0
    for range in whole {
      _ = UnsafeMutableBufferPointer(rebasing: gradients[range]).update(
        fromContentsOf: first[place..<place + range.count])
      place += range.count
    }
  }

  func commit() {
    error.commit()
    factor.commit()
  }

  /// P = M·Qᵀ, where M is the gradient and what was not sent before; it is kept in the place of the next error.
  private func project(
    _ matrix: FactoredMatrix, _ gradients: UnsafeMutableBufferPointer<Float>, samples: Float
  ) {
    for i in matrix.range { error.next[i] = gradients[i] + samples * error.values[i] }
    let f = kernels.functions
    f.pack_transposed(
      factor.values.baseAddress! + matrix.range.lowerBound, matrix.columns, nil, matrix.rank, nil,
      matrix.columns,
      packed.base)
    f.multiply(
      matrix.rows, matrix.rank, matrix.columns, error.next.baseAddress! + matrix.range.lowerBound,
      matrix.columns, 1, packed.base, nil, first.base + matrix.left.lowerBound, matrix.rank, 0)
  }

  /// Makes the sum of P orthonormal; Q = Pᵀ·M.
  private func refine(_ matrix: FactoredMatrix) {
    let left = first.base + matrix.left.lowerBound
    orthonormalize(left, rows: matrix.rows, columns: matrix.rank)
    var groups = rk_groups(size: matrix.rows, stride: matrix.rows)
    kernels.functions.multiply_gradient(
      matrix.rank, matrix.columns, matrix.rows, &groups, left, matrix.rank,
      error.next.baseAddress! + matrix.range.lowerBound, matrix.columns,
      second.base + matrix.right.lowerBound, matrix.columns, 0, scratch.base)
  }

  /// P·Q in the gradients' place, and what of this rank's M it leaves.
  private func restore(
    _ matrix: FactoredMatrix, _ gradients: UnsafeMutableBufferPointer<Float>, samples: Float
  ) {
    let (place, right) = (matrix.range.lowerBound, second.base + matrix.right.lowerBound)
    let f = kernels.functions
    f.pack(right, matrix.columns, nil, matrix.rank, nil, matrix.columns, packed.base)
    f.multiply(
      matrix.rows, matrix.columns, matrix.rank, first.base + matrix.left.lowerBound, matrix.rank, 1,
      packed.base, nil, gradients.baseAddress! + place, matrix.columns, 0)
    let (share, inverse) = (1 / Float(group.size), 1 / samples)
    for i in matrix.range { error.next[i] = (error.next[i] - share * gradients[i]) * inverse }
    for row in 0..<matrix.rank {
      let own = UnsafeBufferPointer(start: right + row * matrix.columns, count: matrix.columns)
      // Of a gradient that is zero nothing is learnt: the next step begins where this one did.
      let isEmpty = own.allSatisfy { $0 == 0 }
      let start = place + row * matrix.columns
      for i in 0..<matrix.columns { factor.next[start + i] = isEmpty ? factor.values[start + i] : own[i] }
    }
  }

  /// Gram and Schmidt's way, column by column.
  private func orthonormalize(_ values: UnsafeMutablePointer<Float>, rows: Int, columns: Int) {
    func product(_ a: Int, _ b: Int) -> Double {
      var sum = 0.0
      for row in 0..<rows { sum += Double(values[row * columns + a]) * Double(values[row * columns + b]) }
      return sum
    }
    for column in 0..<columns {
      let inverse = Float(1 / (product(column, column).squareRoot() + 1e-8))
      for row in 0..<rows { values[row * columns + column] *= inverse }
      for other in column + 1..<max(columns, column + 1) {
        let share = Float(product(column, other))
        for row in 0..<rows { values[row * columns + other] -= share * values[row * columns + column] }
      }
    }
  }
}
