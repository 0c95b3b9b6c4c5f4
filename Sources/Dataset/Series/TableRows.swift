import Diagnostics
import Files

/// The rows of one or several CSV files in memory, in the columns of their roles.
///
/// Rows can be put in another order; each remembers where it came from.
struct TableRows: GappedRows {
  /// Where a row stands.
  struct RowOrigin {
    /// Which file.
    var file: Int
    /// Number of the row in its file, from 0.
    var record: Int
    /// Of a wide table: the column that is the row's `value`.
    var column: Int?
  }

  let roles: ColumnRoles
  private(set) var files: [CSVHeader] = []
  /// `[rows, numbers]`; NaN for a gap.
  var numbers: [Double] = []
  /// For each column of names the code of each row; -1 for a gap.
  var codes: [[Int32]]
  /// The texts of the codes.
  private(set) var texts: [NameTable]
  var origins: [RowOrigin] = []
  /// Microseconds since 1970, or whole numbers; empty without a column of times, `unknownTime` where nobody knows one.
  var times: [Int] = []

  var width: Int { roles.numbers.count }
  var nameCount: Int { roles.names.count }
  var path: String { files.first?.file.path ?? "" }
  var rows: Int { origins.count }
  /// What a row takes of memory.
  var bytesPerRow: Int {
    width * MemoryLayout<Double>.stride + nameCount * MemoryLayout<Int32>.stride
      + MemoryLayout<RowOrigin>.stride + (times.isEmpty ? 0 : MemoryLayout<Int>.stride)
  }

  init(_ roles: ColumnRoles) {
    self.roles = roles
    codes = [[Int32]](repeating: [], count: roles.names.count)
    texts = [NameTable](repeating: NameTable(), count: roles.names.count)
  }

  /// Appends the rows of a file; of a wide one, its rows again for each column that is a series.
  /// - isAhead: of rows after the last ones: whatever the file lacks is not known.
  mutating func append(_ header: CSVHeader, _ data: DataSpecification, isAhead: Bool = false) throws(Failure)
  {
    var numberPlaces = try header.indices(of: isAhead ? roles.numbersAhead : roles.numbers)
    let namePlaces = try header.indices(of: isAhead ? roles.namesAhead : roles.names)
    let wide = isAhead ? [] : try header.wideColumns(data, roles)
    let columns = Array(Set(numberPlaces.compactMap(\.self) + wide)).sorted()
    let table = try CSVReader.read(
      header, columns: columns, names: namePlaces.compactMap(\.self), gaps: nil, notation: data.notation)
    func slots() -> [Int?] { numberPlaces.map { $0.flatMap { columns.firstIndex(of: $0) } } }
    if wide.isEmpty { append(table, slots(), namePlaces) }
    for column in wide {
      numberPlaces[roles.value] = column
      append(table, slots(), namePlaces, column: column)
    }
    files.append(header)
  }

  private mutating func append(
    _ table: CSVTable, _ slots: [Int?], _ namePlaces: [Int?], column wide: Int? = nil
  ) {
    numbers.reserveCapacity(numbers.count + table.rows * width)
    for row in 0..<table.rows {
      for slot in slots { numbers.append(slot.map { table[row, $0] } ?? .nan) }
    }
    for (column, place) in namePlaces.enumerated() {
      guard let names = table.names.first(where: { $0.fileColumn == place }) else {
        codes[column] += [Int32](repeating: -1, count: table.rows)
        continue
      }
      let map = (0..<names.texts.count).map { texts[column].insert(names.texts[$0]) }
      codes[column] += names.codes.map { $0 < 0 ? -1 : map[Int($0)] }
    }
    origins += (0..<table.rows).map { RowOrigin(file: files.count, record: $0, column: wide) }
  }

  /// Puts rows in another order, or leaves some out.
  mutating func keep(_ order: [Int]) {
    let (old, width) = (numbers, width)
    numbers = [Double](unsafeUninitializedCapacity: order.count * width) { buffer, count in
      for (row, from) in order.enumerated() {
        for column in 0..<width { buffer[row * width + column] = old[from * width + column] }
      }
      count = order.count * width
    }
    for column in codes.indices { codes[column] = order.map { [old = codes[column]] in old[$0] } }
    origins = order.map { [origins] in origins[$0] }
    if !times.isEmpty { times = order.map { [times] in times[$0] } }
  }

  subscript(row: Int, column: Int) -> Double {
    get { numbers[row * width + column] }
    set { numbers[row * width + column] = newValue }
  }

  /// The bytes of a name; nil for a gap.
  func text(_ row: Int, _ column: Int) -> ArraySlice<UInt8>? {
    let code = codes[column][row]
    return code < 0 ? nil : texts[column][Int(code)]
  }

  func isMissing(_ row: Int, name column: Int) -> Bool { codes[column][row] < 0 }

  /// "FILE, line L, column 'NAME'"
  func location(_ row: Int, number column: Int) -> String { location(row, roles.numbers[column].name) }
  func location(_ row: Int, name column: Int) -> String { location(row, roles.names[column].name) }

  func line(of row: Int) -> Int { files[origins[row].file].line(ofRecord: origins[row].record) }

  func location(_ row: Int, _ name: String) -> String {
    let origin = origins[row]
    let header = files[origin.file]
    let column = origin.column.map { header.names[$0] } ?? name
    return "\(header.file.location(line: header.line(ofRecord: origin.record))), column \(quoted(column))"
  }
}

/// Some columns of numbers of a table.
struct TableColumns: NumberTable {
  let table: TableRows
  let slots: [Int]
  /// Whether gaps may be left.
  var mayBeUnknown: Bool

  var rows: Int { table.rows }
  var columns: Int { slots.count }

  func read(_ rows: Range<Int>, into block: UnsafeMutablePointer<Double>) {
    table.numbers.withUnsafeBufferPointer { numbers in
      var to = 0
      for row in rows {
        for slot in slots {
          block[to] = numbers[row * table.width + slot]
          to += 1
        }
      }
    }
  }

  func location(row: Int, column: Int) -> String { table.location(row, number: slots[column]) }
}
