/// How the rows of one batch lie in time-major memory: one row for each step of each sample.
///
/// Samples of equal length: B rows a step. Else samples are in order of length, longest first, and step t has the rows of those that are
/// longer than t and no others, one step after the other, as in PyTorch's `PackedSequence`: nothing is padded.
public struct BatchRows {
  /// T, of the longest.
  public private(set) var steps: Int
  /// B
  public private(set) var batch: Int
  /// Rows of all steps together: T·B where lengths are equal.
  public private(set) var count: Int
  /// `[T + 1]`, where each step's rows begin; nil where lengths are equal.
  @usableFromInline package private(set) var offsets: UnsafePointer<Int>?
  /// `[B]`; nil where they are equal.
  @usableFromInline private(set) var lengths: UnsafePointer<Int32>?

  /// Of equal lengths.
  public init(steps: Int, batch: Int) {
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

  /// Whether all samples are of one length.
  @inlinable
  public var isUniform: Bool { offsets == nil }
  /// Where the rows of a step begin.
  @inlinable
  public func start(_ step: Int) -> Int { offsets?[step] ?? step * batch }
  /// How many samples have this step.
  @inlinable
  public func active(_ step: Int) -> Int { offsets.map { $0[step + 1] - $0[step] } ?? batch }
  /// The steps of a sample, by its place in the batch.
  @inlinable
  public func length(_ place: Int) -> Int { lengths.map { Int($0[place]) } ?? steps }
  /// Where the last step of a sample lies.
  @inlinable
  public func end(_ place: Int) -> Int { start(length(place) - 1) + place }

  /// All rows in the order they lie: which step of which of the batch's samples each one is.
  @inlinable @inline(__always)
  public func forEachRow(_ body: (_ row: Int, _ place: Int, _ step: Int) -> Void) {
    var row = 0
    for step in 0..<steps {
      for place in 0..<active(step) {
        body(row, place, step)
        row += 1
      }
    }
  }

  /// The samples that are one share's part: about as many steps for each share.
  public func part(of index: Int, among count: Int) -> Range<Int> {
    cut(index, count)..<cut(index + 1, count)
  }

  private func cut(_ index: Int, _ shares: Int) -> Int {
    guard let lengths else { return batch * index / shares }
    let wanted = count * index / shares
    var (place, steps) = (0, 0)
    while steps < wanted {
      steps += Int(lengths[place])
      place += 1
    }
    return place
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
