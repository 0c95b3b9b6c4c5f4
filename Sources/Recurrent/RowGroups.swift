import Batches
import CKernels
import Kernels

/// Rows of one part of a batch as they lie in memory: groups of `size` rows, `stride` rows from one group to the next.
struct RowGroups {
  var first: Int
  var size: Int
  var stride: Int
  var count: Int

  /// Rows one after the other.
  init(_ rows: Range<Int>) {
    (first, size, stride, count) = (rows.lowerBound, rows.count, rows.count, rows.isEmpty ? 0 : 1)
  }

  init(first: Int, size: Int, stride: Int, count: Int) {
    (self.first, self.size, self.stride, self.count) = (first, size, stride, count)
  }

  /// Of all groups.
  var rows: Int { size * count }
  var kernel: rk_groups { rk_groups(size: size, stride: stride) }

  /// Adds the sum over these rows of x `[_, stride]` to `sums`, column by column.
  func addColumns(
    of x: UnsafePointer<Float>, _ columns: Int, stride: Int, _ kernels: KernelSet,
    to sums: UnsafeMutablePointer<Float>
  ) {
    for rows in self {
      kernels.functions.column_sums(x + rows.lowerBound * stride, rows.count, columns, stride, sums)
    }
  }
}

/// Group by group.
extension RowGroups: Sequence {
  struct Iterator: IteratorProtocol {
    let groups: RowGroups
    var index = 0

    mutating func next() -> Range<Int>? {
      guard index < groups.count else { return nil }
      let start = groups.first + index * groups.stride
      index += 1
      return start..<start + groups.size
    }
  }

  func makeIterator() -> Iterator { Iterator(groups: self) }
}

/// Rows that a head reads: one of each sequence, or one of each step.
struct HeadRows {
  let rows: BatchRows
  let everyStep: Bool
  var batch: Int { rows.batch }
  var count: Int { everyStep ? rows.count : rows.batch }
  func groups(of sequences: Range<Int>) -> RowGroups {
    everyStep ? rows.groups(of: sequences) : RowGroups(sequences)
  }
}

extension BatchRows {
  /// Of these sequences, the rows of all steps. Where lengths differ the whole batch is the only part there is.
  func groups(of sequences: Range<Int>) -> RowGroups {
    if sequences.count == batch { return RowGroups(0..<count) }
    precondition(isUniform, "sequences of different lengths don't lie in groups")
    return groups(of: sequences, steps: steps)
  }

  /// The rows of the first steps, where lengths are equal.
  func groups(of sequences: Range<Int>, steps: Int) -> RowGroups {
    if sequences.count == batch { return RowGroups(0..<steps * batch) }
    return RowGroups(first: sequences.lowerBound, size: sequences.count, stride: batch, count: steps)
  }
}
