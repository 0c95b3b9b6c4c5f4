/// How the rows of one batch lie in time-major memory.
///
/// Sequences of equal length: B rows a step. Else rows are in order of length, longest first, and step t has the rows that are
/// longer than t and no others, one step after the other, as in PyTorch's `PackedSequence`: nothing is padded.
struct BatchRows {
  /// T, of the longest.
  private(set) var steps: Int
  /// B
  private(set) var batch: Int
  /// Rows of all steps together: T·B where lengths are equal.
  private(set) var count: Int
  /// `[T + 1]`, where each step's rows begin; nil where lengths are equal.
  private(set) var offsets: UnsafePointer<Int>?
  /// `[B]`; nil where they are equal.
  private var lengths: UnsafePointer<Int32>?

  init(steps: Int, batch: Int) {
    self.steps = steps
    self.batch = batch
    count = steps * batch
    offsets = nil
    lengths = nil
  }

  /// - lengths: `[B]`, at least 1 each, longest first; must stay valid.
  /// - table: gets the offsets, which live in it.
  init(lengths: UnsafePointer<Int32>, batch: Int, table: OffsetTable) {
    let longest = batch > 0 ? Int(lengths[0]) : 0
    self.init(steps: longest, batch: batch)
    if batch == 0 || lengths[batch - 1] == lengths[0] { return }
    let offsets = table.reserve(longest + 1)
    var active = batch
    offsets[0] = 0
    for step in 0..<longest {
      while lengths[active - 1] <= step { active -= 1 }
      offsets[step + 1] = offsets[step] + active
    }
    count = offsets[longest]
    self.offsets = UnsafePointer(offsets)
    self.lengths = lengths
  }

  var isUniform: Bool { offsets == nil }
  func start(_ step: Int) -> Int { offsets?[step] ?? step * batch }
  func length(_ row: Int) -> Int { lengths.map { Int($0[row]) } ?? steps }
  /// Where the last step of a row lies.
  func end(_ row: Int) -> Int { start(length(row) - 1) + row }

  /// The rows of the batch that are one share's part: about as many steps for each share.
  func part(of index: Int, among count: Int) -> Range<Int> { cut(index, count)..<cut(index + 1, count) }

  private func cut(_ index: Int, _ shares: Int) -> Int {
    guard let lengths else { return batch * index / shares }
    let wanted = count * index / shares
    var (row, steps) = (0, 0)
    while steps < wanted {
      steps += Int(lengths[row])
      row += 1
    }
    return row
  }
}

/// Memory for the offsets of a batch, kept from batch to batch.
final class OffsetTable {
  private var memory = UnsafeMutableBufferPointer<Int>.allocate(capacity: 0)
  deinit { memory.deallocate() }

  func reserve(_ count: Int) -> UnsafeMutablePointer<Int> {
    if memory.count < count {
      memory.deallocate()
      memory = .allocate(capacity: count)
    }
    return memory.baseAddress!
  }
}
