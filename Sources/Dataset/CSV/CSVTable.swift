import Diagnostics
import Files

/// Rows of numbers that grow at the end: `[rows, width]`.
struct RowBuffer: ~Copyable {
  let width: Int
  var rows = 0
  private(set) var capacity: Int
  private(set) var values: UnsafeMutablePointer<Double>
  /// Where the rows are not this process's own.
  private let memory: SharedMemory?

  init(width: Int, capacity: Int) {
    self.width = width
    self.capacity = max(1, capacity)
    values = Self.allocate(self.capacity * max(1, width))
    memory = nil
  }

  /// Rows that stand in shared memory; none can be added.
  init(width: Int, rows: Int, _ memory: SharedMemory) {
    (self.width, self.rows, capacity) = (width, rows, rows)
    values = memory.base.assumingMemoryBound(to: Double.self)
    self.memory = memory
  }

  deinit { if memory == nil { values.deallocate() } }

  private static func allocate(_ count: Int) -> UnsafeMutablePointer<Double> {
    let values = UnsafeMutablePointer<Double>.allocate(capacity: count)
    preferLargePages(values, 8 * count)
    return values
  }

  /// Where the next row goes; `rows` counts it once it is complete.
  @inline(__always)
  mutating func next() -> UnsafeMutablePointer<Double> {
    if rows == capacity { grow() }
    return values + rows * width
  }

  @inline(never)
  private mutating func grow() {
    let larger = Self.allocate(2 * capacity * max(1, width))
    larger.update(from: values, count: rows * width)
    values.deallocate()
    values = larger
    capacity *= 2
  }
}

/// The columns of a CSV file that were asked for.
package final class CSVTable {
  /// A column of texts.
  package struct Names {
    /// Its position in the file.
    let fileColumn: Int
    /// The text of each row as a number into `texts`; -1 for a gap.
    package internal(set) var codes: [Int32] = []
    /// Texts as they were first seen.
    package internal(set) var texts = NameTable()

    init(fileColumn: Int) { self.fileColumn = fileColumn }
  }

  let header: CSVHeader
  /// The numeric columns' positions in the file.
  let columns: [Int]
  /// A gap is NaN, which no number of a file can be.
  var numbers: RowBuffer
  package internal(set) var names: [Names]
  /// Whether a field is empty.
  let hasGaps: Bool
  /// After the last row, in the bytes of the file that are held.
  let end: Int
  /// Where rows were dropped: each row's number in the file, from 0.
  package internal(set) var records: [Int]?

  init(
    header: CSVHeader, columns: [Int], numbers: consuming RowBuffer, names: [Names], hasGaps: Bool, end: Int
  ) {
    self.header = header
    self.columns = columns
    self.numbers = numbers
    self.names = names
    self.hasGaps = hasGaps
    self.end = end
  }

  var file: InputFile { header.file }
  package var rows: Int { numbers.rows }

  /// The number of this row in the file, from 0.
  package func record(_ row: Int) -> Int { records?[row] ?? row }

  package subscript(row: Int, column: Int) -> Double {
    get { numbers.values[row * columns.count + column] }
    set { numbers.values[row * columns.count + column] = newValue }
  }

  /// "FILE, line L, column 'NAME'", found by reading the file again: only messages need it.
  package func location(row: Int, fileColumn: Int) -> String {
    let line = header.line(ofRecord: record(row))
    return "\(file.location(line: line)), column \(quoted(header.names[fileColumn]))"
  }
}

extension CSVHeader {
  /// The line at which a row begins, from 1.
  func line(ofRecord record: Int) -> Int {
    let header = whole
    return header.file.line(at: header.offset(ofRecord: record))
  }

  private func offset(ofRecord record: Int) -> Int {
    let offset = try? file.withScanner(delimiter: delimiter) { (scanner) throws(Failure) -> Int in
      var p = scanner.base + body
      for _ in 0..<record {
        while p < scanner.end, let field = try? scanner.field(p) {
          p = field.stop + 1
          if scanner.endsLine(field.stop.pointee) {
            p = scanner.nextLine(field.stop)
            break
          }
        }
      }
      return p - scanner.base
    }
    return offset ?? 0
  }
}

extension CSVTable.Names {
  /// Returns whether the field is a gap.
  mutating func append(_ field: CSVScanner.Field, _ notation: NumberNotation) -> Bool {
    if field.contents.isEmpty || notation.isMissingName(field) {
      codes.append(-1)
      return true
    }
    codes.append(field.isLiteral ? texts.insert(field.contents) : texts.insert(field.unquoted))
    return false
  }
}

/// Some numeric columns of a CSV file, in the order asked for.
struct CSVColumns: NumberTable {
  let table: CSVTable
  /// Positions in `table.columns`.
  let slots: [Int]

  var rows: Int { table.rows }
  var columns: Int { slots.count }

  func read(_ rows: Range<Int>, into block: UnsafeMutablePointer<Double>) {
    let (from, to) = (table.columns.count, slots.count)
    let first = table.numbers.values + rows.lowerBound * from
    for (column, slot) in slots.enumerated() {
      for row in 0..<rows.count { block[row * to + column] = first[row * from + slot] }
    }
  }

  func location(row: Int, column: Int) -> String {
    table.location(row, number: slots[column])
  }
}
