import Batches
import Diagnostics
import Files
import Synchronization

/// Rows that stay in their files, and are read and scaled batch by batch: what does not fit into memory.
///
/// The numbers are those that memory would hold, to the bit. The system keeps in its own memory what was read last, once for all processes of
/// the machine, and takes that back where it is short of it.
final class StoredRows: Sendable {
  private let table: ShardTable
  private let method: Scaler.Method
  private let scale: RowScaling.TableScale
  /// Samples that are read soon after one another; nil where any may be.
  private let block: Int?
  /// The blocks that the system was asked for last.
  private let asked = Mutex<[Int]>([])
  private static let mostAsked = 4 * EpochOrder.blocksTogether

  init(_ table: ShardTable, _ scaling: RowScaling, block: Int?) {
    (self.table, method, scale) = (table, scaling.method ?? .minmax, scaling.scale)
    self.block = block
  }

  /// What first could not be read.
  var failure: Failure? { table.failure }

  /// Writes a sample's rows.
  /// - step: from one row in `out` to the next.
  func write(_ rows: Range<Int>, to out: UnsafeMutablePointer<Float>, step: Int) {
    let columns = table.columns
    withUnsafeTemporaryAllocation(of: Double.self, capacity: rows.count * columns) { numbers in
      guard let base = numbers.baseAddress else { return }
      table.read(rows, into: base)
      for column in 0..<columns {
        let scale = scale.column(column)
        var largest: UInt32 = 0
        for row in 0..<rows.count {
          let float = Float(method.scale(base[row * columns + column], scale))
          out[row * step + column] = float
          largest = max(largest, float.magnitude.bitPattern)
        }
        // Infinity and NaN have the largest bit patterns.
        if largest >= Float.infinity.bitPattern { refuse(rows, column, out, step) }
      }
    }
  }

  private func refuse(_ rows: Range<Int>, _ column: Int, _ out: UnsafeMutablePointer<Float>, _ step: Int) {
    guard let row = (0..<rows.count).first(where: { !out[$0 * step + column].isFinite }) else { return }
    table.files.fail(table.unusable(row: rows.lowerBound + row, column: column))
  }

  /// Has the block that a sample is in read as a whole, where it was not lately.
  /// - sample: its number in its set.
  /// - set: the set's samples in the whole array.
  func readAhead(_ sample: Int, of set: Range<Int>, _ layout: SampleLayout) {
    guard let block else { return }
    let number = sample / block
    let isNew = asked.withLock { asked in
      if asked.contains(number) { return false }
      if asked.count == Self.mostAsked { asked.removeFirst() }
      asked.append(number)
      return true
    }
    guard isNew else { return }
    let samples = (set.lowerBound + number * block..<set.upperBound).prefix(block)
    guard let first = samples.first, let last = samples.last else { return }
    table.readAhead(layout.rows(first).lowerBound..<layout.rows(last).upperBound)
  }
}
