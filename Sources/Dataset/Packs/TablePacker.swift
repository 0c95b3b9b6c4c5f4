import Diagnostics
import Files

/// Rows of CSV files, one file after the other, as shards: read in pieces, so that memory holds a few of them.
package final class TablePacker {
  private let writer: ShardWriter
  private let isSingle: Bool
  private let columns: [String]
  /// Which of the columns are texts.
  private let texts: [Bool]
  private var names: [NameTable]
  private var room: [Double] = []
  private static let piece = 1 << 24

  /// - columns: in the order of the shards.
  /// - texts: those of them that are texts.
  package init(
    _ folder: String, columns: [String], texts: [String], isSingle: Bool, size: Int
  ) throws(Failure) {
    (self.columns, self.isSingle) = (columns, isSingle)
    self.texts = columns.map { name in texts.contains { $0.hasSameBytes(as: name) } }
    names = texts.map { _ in NameTable() }
    writer = try ShardWriter(folder, isSingle ? .float32 : .float64, columns: columns.count, size: size)
  }

  package var rows: Int { writer.rows }

  /// Adds the rows of a CSV file.
  package func add(_ path: String, delimiter: UInt8, key: String) throws(Failure) {
    let head = 1 << 20
    var file = try InputFile(path: path, key: key, allowsStream: true) { 0..<min($0, head) }
    let header = try CSVHeader(file, delimiter: delimiter, hasNames: true)
    let numbers = zip(columns, texts).filter { !$1 }.map(\.0)
    let texts = zip(columns, texts).filter { $1 }.map(\.0)
    let numberPlaces = try header.indices(of: numbers, key: "--columns")
    let textPlaces = try header.indices(of: texts, key: "--texts")
    var (start, row) = (header.body, 0)
    while start < file.size {
      guard let table = try piece(&file, header, from: start, numberPlaces, textPlaces) else { break }
      try add(table.rows, of: path, row, textPlaces)
      row += table.rows.rows
      guard table.end > start else { break }
      start = table.end
    }
  }

  /// The rows that begin in the next piece, and where the one after them begins.
  private func piece(
    _ file: inout InputFile, _ header: CSVHeader, from start: Int, _ numbers: [Int], _ texts: [Int]
  ) throws(Failure) -> (rows: CSVTable, end: Int)? {
    var tail = 1 << 16
    while true {
      let end = min(file.size, start + Self.piece)
      let held = file.isRepeatable ? start..<min(file.size, end + tail) : 0..<file.size
      try file.hold(held)
      if held.upperBound < file.size { file.endAtLine() }
      // Of a very long line not even one end is held.
      if file.count == 0, held.upperBound < file.size {
        tail *= 16
        continue
      }
      let own = start - held.lowerBound..<min(end - held.lowerBound, file.count)
      if let rows = try CSVReader.rows(
        header.in(file), columns: numbers, names: texts, in: own, notation: NumberNotation())
      {
        return (rows, held.lowerBound + rows.end)
      }
      tail *= 16
    }
  }

  /// - row: the first of them, from 0.
  private func add(_ table: CSVTable, of path: String, _ row: Int, _ places: [Int]) throws(Failure) {
    let maps = table.names.enumerated().map { place, names in
      (0..<names.texts.count).map { Double(self.names[place].insert(names.texts[$0])) }
    }
    let width = columns.count
    room.removeAll(keepingCapacity: true)
    room.reserveCapacity(table.rows * width)
    for own in 0..<table.rows {
      var (number, text) = (0, 0)
      for column in 0..<width {
        if texts[column] {
          let code = table.names[text].codes[own]
          guard code >= 0 else { throw gap(path, row + own, column) }
          room.append(maps[text][Int(code)])
          text += 1
        } else {
          let value = table[own, number]
          guard !value.isNaN else { throw gap(path, row + own, column) }
          room.append(value)
          number += 1
        }
      }
    }
    try write()
  }

  /// What a row has in a column.
  package enum PackedValue {
    case number(Double)
    case text(String)
  }

  /// Adds a row.
  /// - place: where it stands, for messages.
  /// - value: that of a column; nil where there is none.
  package func add(place: String, _ value: (_ column: String) -> PackedValue?) throws(Failure) {
    room.removeAll(keepingCapacity: true)
    var text = 0
    for (column, isText) in zip(columns, texts) {
      switch value(column) {
      case .number(let number) where !isText && number.isFinite: room.append(number)
      case .text(let name) where isText:
        room.append(Double(names[text].insert(name.utf8)))
        text += 1
      case nil:
        throw .badData("\(place): there is no value of column \(quoted(column)); every row has all columns")
      case .number:
        throw .badData(
          "\(place): column \(quoted(column)) is \(isText ? "a number; it is packed as texts" : "not finite")"
        )
      case .text(let name):
        throw .badData(
          "\(place): column \(quoted(column)) is the text \(quoted(name)); name it by --texts or leave it out by --columns"
        )
      }
    }
    try write()
  }

  private func gap(_ path: String, _ row: Int, _ column: Int) -> Failure {
    .badData(
      "\(path), row \(row + 1), column \(quoted(columns[column])): the value is missing, and a packed table has no gaps; fill it or leave the row out"
    )
  }

  /// Writes what stands in `room`.
  private func write() throws(Failure) {
    func write(_ bytes: UnsafeRawBufferPointer) -> Result<Void, Failure> {
      Result { () throws(Failure) in try writer.write(bytes) }
    }
    let result = isSingle ? room.map { Float($0) }.withUnsafeBytes(write) : room.withUnsafeBytes(write)
    try result.get()
  }

  /// Writes the last shard.
  /// - Returns: the index, which is not written yet.
  package func finish() throws(Failure) -> PackIndex {
    try writer.close()
    var index = PackIndex(kind: .table)
    var place = 0
    var described: [PackIndex.Column] = []
    for (name, isText) in zip(columns, texts) {
      var column = PackIndex.Column(name: name)
      if isText {
        let own = names[place]
        column.texts = try (0..<own.count).map { (number) throws(Failure) -> String in
          guard let text = Name(utf8: own[number]) else {
            throw .badData(
              "column \(quoted(name)): \(quoted(own[number])) is not UTF-8; save the file as UTF-8")
          }
          return text.text
        }
        place += 1
      }
      described.append(column)
    }
    (index.columns, index.shards) = (described, writer.shards)
    return index
  }
}
