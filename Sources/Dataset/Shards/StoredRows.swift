import Batches
import Diagnostics
import Files
import Synchronization

/// Rows that stay in their files, and are read and scaled batch by batch: what does not fit into memory.
///
/// The numbers are those that memory would hold, to the bit. The system keeps in its own memory what was read, once for all processes of
/// the machine, and takes that back where it is short of it; what is wanted soon is read before (`AheadReader`).
final class StoredRows: Sendable {
  private let table: ShardTable
  private let scaling: RowScaler
  private let layout: SampleLayout
  private let reach: ReadingReach
  private let reader: AheadReader
  /// Where the blocks begin that were asked for last.
  private let asked = Mutex<[Int]>([])
  private static let mostAsked = 4 * EpochOrder.blocksTogether

  /// - block: samples that are read soon after one another; nil where any may be.
  /// - memory: bytes that may be kept of what was read.
  init(_ table: ShardTable, _ scaling: RowScaling, _ layout: SampleLayout, block: Int?, memory: Int) {
    (self.table, self.layout) = (table, layout)
    self.scaling = RowScaler(scaling, columns: table.columns)
    reach = ReadingReach(
      row: table.rowBytes, rows: (layout.stride, layout.steps), block: block, memory: memory)
    reader = AheadReader { table.readAhead($0) }
  }

  /// What first could not be read.
  var failure: Failure? { table.failure }

  /// How many samples ahead of those in use it is worth reading.
  var samplesAhead: Int { reach.samples }

  /// Writes a sample's rows.
  /// - step: from one row in `out` to the next.
  func write(_ rows: Range<Int>, to out: UnsafeMutablePointer<Float>, step: Int) {
    if table.areFloats {
      write(rows, to: out, step: step) { (block: UnsafeMutablePointer<Float>) in
        table.readFloats(rows, into: block)
      }
    } else {
      write(rows, to: out, step: step) { (block: UnsafeMutablePointer<Double>) in
        table.read(rows, into: block)
      }
    }
  }

  @inline(__always)
  private func write<Number: StoredNumber>(
    _ rows: Range<Int>, to out: UnsafeMutablePointer<Float>, step: Int,
    read: (UnsafeMutablePointer<Number>) -> Void
  ) {
    let columns = table.columns
    withUnsafeTemporaryAllocation(of: Number.self, capacity: rows.count * columns) { numbers in
      guard let base = numbers.baseAddress else { return }
      read(base)
      var largest: UInt32 = 0
      for row in 0..<rows.count {
        largest = max(largest, scaling.write(UnsafePointer(base + row * columns), to: out + row * step))
      }
      // Infinity and NaN have the largest bit patterns.
      if largest >= Float.infinity.bitPattern { refuse(rows, out, step) }
    }
  }

  private func refuse(_ rows: Range<Int>, _ out: UnsafeMutablePointer<Float>, _ step: Int) {
    for row in 0..<rows.count {
      guard let column = (0..<table.columns).first(where: { !out[row * step + $0].isFinite }) else {
        continue
      }
      return table.files.fail(table.unusable(row: rows.lowerBound + row, column: column))
    }
  }

  /// Has samples read that are wanted soon, or the blocks that they are in, where these were not lately. Returns at once.
  /// - set: the set's samples in the whole array.
  func readAhead(_ samples: [Int32], of set: Range<Int>) {
    guard let block = reach.block else {
      return reader.add(samples.map { layout.rows(set.lowerBound + Int($0)) })
    }
    let new = asked.withLock { asked in
      var new: [Int] = []
      for sample in samples {
        let first = set.lowerBound + Int(sample) / block * block
        if asked.contains(first) { continue }
        if asked.count == Self.mostAsked { asked.removeFirst() }
        asked.append(first)
        new.append(first)
      }
      return new
    }
    reader.add(
      new.map { first in
        let last = min(first + block, set.upperBound) - 1
        return layout.rows(first).lowerBound..<layout.rows(last).upperBound
      })
  }
}

/// How far ahead samples are read, and whether with the blocks they are in, so that what is kept of files stays within a bound.
struct ReadingReach: Equatable {
  /// Samples after those in use.
  let samples: Int
  /// Samples of a block that is read as a whole; nil where each is read by itself.
  let block: Int?
  /// Bytes ahead that keep any disk busy, of samples from anywhere.
  private static let scattered = 64 << 20

  /// - row: bytes of one.
  /// - rows: from one sample's first to the next one's, and of a sample.
  init(row: Int, rows: (stride: Int, sample: Int), block: Int?, memory: Int) {
    let together = block.map { EpochOrder.blocksTogether * $0 }
    // Blocks that are mixed are in use together. They are read as a whole where that many have room, and ahead as far as more have.
    if let block, let together, together <= memory / (row * rows.stride) {
      self.block = block
      samples = min(together, memory / (row * rows.stride) - together)
    } else {
      self.block = nil
      samples = min(Self.scattered, memory / 2) / (row * rows.sample)
    }
  }
}

/// What numbers of files are read as.
private protocol StoredNumber: BitwiseCopyable {
  var wide: Double { get }
}

extension Double: StoredNumber {
  @inline(__always) fileprivate var wide: Double { self }
}

extension Float: StoredNumber {
  @inline(__always) fileprivate var wide: Double { Double(self) }
}

/// The scales of a table's columns, laid out for whole rows.
private struct RowScaler: Sendable {
  /// nil where numbers stay as they are.
  private let method: Scaler.Method?
  private let columns: [Scaler.ColumnScale]

  init(_ scaling: RowScaling, columns: Int) {
    method = scaling.method
    self.columns = (0..<columns).map { scaling.scale.column($0) }
  }

  /// Writes a row as floats.
  /// - Returns: the largest of their bit patterns without the sign.
  @inline(__always)
  func write<Number: StoredNumber>(_ numbers: UnsafePointer<Number>, to out: UnsafeMutablePointer<Float>)
    -> UInt32
  {
    switch method {
    // As `minmax` with identities has it: -0 becomes 0.
    case nil: return write(numbers, to: out) { number, _ in number + 0 }
    case .minmax: return write(numbers, to: out) { Scaler.Method.minmax.scale($0, $1) }
    case .standard: return write(numbers, to: out) { Scaler.Method.standard.scale($0, $1) }
    }
  }

  @inline(__always)
  private func write<Number: StoredNumber>(
    _ numbers: UnsafePointer<Number>, to out: UnsafeMutablePointer<Float>,
    _ scale: (Double, Scaler.ColumnScale) -> Double
  ) -> UInt32 {
    columns.withUnsafeBufferPointer { columns in
      var largest: UInt32 = 0
      for column in 0..<columns.count {
        let float = Float(scale(numbers[column].wide, columns[column]))
        out[column] = float
        largest = max(largest, float.magnitude.bitPattern)
      }
      return largest
    }
  }
}
