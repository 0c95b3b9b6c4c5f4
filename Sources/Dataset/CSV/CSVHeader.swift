import Diagnostics
import Files

/// The names of a CSV file's columns and where its rows begin.
package struct CSVHeader: Sendable {
  let file: InputFile
  let delimiter: UInt8
  /// From the first line; "0", "1", … where there is no header.
  package let names: [String]
  /// Where the first row starts.
  let body: Int
  let hasNames: Bool

  init(_ file: InputFile, delimiter: UInt8, body: Int, names: [String], hasNames: Bool) {
    (self.file, self.delimiter, self.body, self.names, self.hasNames) = (
      file, delimiter, body, names, hasNames
    )
  }

  package init(_ file: InputFile, delimiter: UInt8, hasNames: Bool) throws(Failure) {
    self.file = file
    self.delimiter = delimiter
    self.hasNames = hasNames
    if file.count == 0 { throw file.failure("is empty") }
    let start = try file.textStart()
    (names, body) = try file.withScanner(delimiter: delimiter) { (scanner) throws(Failure) in
      guard !scanner.isBlank(from: scanner.base + start) else { throw file.failure("is empty") }
      let (fields, next) = try Self.line(scanner, from: start, file)
      return hasNames ? (fields, next) : (fields.indices.map(String.init), start)
    }
    if hasNames {
      let next = body
      let isEmpty = try file.withScanner(delimiter: delimiter) { (scanner) throws(Failure) in
        scanner.isBlank(from: scanner.base + next)
      }
      if isEmpty { throw file.failure("has a header but no rows") }
    }
  }

  /// The same over other bytes of the file.
  func `in`(_ file: InputFile) -> CSVHeader {
    CSVHeader(file, delimiter: delimiter, body: body, names: names, hasNames: hasNames)
  }

  /// The same over the whole file, where this process holds only a part: for messages.
  var whole: CSVHeader {
    guard file.isDivided, let whole = try? InputFile(path: file.path, key: "") else { return self }
    return self.in(whole)
  }

  /// A name in another encoding is written with its bytes, `Gr\xF6\xDFe`: a recipe may ask for it like that.
  private static func columnName(_ bytes: [UInt8]) -> String {
    if let name = String(validating: bytes, as: UTF8.self) { return name }
    return bytes.map { byte in
      let digits = String(byte, radix: 16, uppercase: true)
      return byte < 128 ? String(Unicode.Scalar(byte)) : "\\x" + digits
    }.joined()
  }

  private static func line(
    _ scanner: CSVScanner, from start: Int, _ file: InputFile
  ) throws(Failure) -> ([String], next: Int) {
    var names: [String] = []
    var p = scanner.base + start
    while true {
      do {
        let field = try scanner.field(p)
        names.append(columnName(field.unquoted))
        p = field.stop
      } catch {
        throw file.failure(at: error.offset, error.explanation)
      }
      if scanner.endsLine(p.pointee) { return (names, scanner.nextLine(p) - scanner.base) }
      p += 1
    }
  }

  /// The position of the column that `key` of the recipe asks for.
  package func index(of name: String, key: String) throws(Failure) -> Int {
    let matches = names.indices.filter { names[$0].hasSameBytes(as: name) }
    if matches.count == 1 { return matches[0] }
    let place = hasNames ? file.location(line: 1) : file.path
    if matches.count > 1 {
      let numbers = matches.map { String($0 + 1) }.joined(separator: " and ")
      throw .badData("\(place): columns \(numbers) are both called \(quoted(name)) (\(key)); rename one")
    }
    throw .badData("\(place): there is no column \(quoted(name)) (\(key)); \(suggestion(for: name))")
  }

  private func suggestion(for name: String) -> String {
    guard hasNames else { return "without a header the columns are 0 to \(names.count - 1)" }
    let marks = [";", "\t", "|", ","].filter { mark in
      names.count == 1 && names[0].utf8.contains(mark.utf8.first!)
    }
    if let mark = marks.first {
      return "the only one is \(quoted(names[0])), whose parts \(quoted(mark)) sets apart (data.delimiter)"
    }
    if let nearest = nearestName(to: name, among: names) { return "the nearest is \(quoted(nearest))" }
    let list = names.prefix(12).map { quoted($0) }.joined(separator: ", ")
    return "the columns are \(list)\(names.count > 12 ? ", …" : "")"
  }
}
