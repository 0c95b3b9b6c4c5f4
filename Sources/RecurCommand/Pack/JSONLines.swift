import Dataset
import Diagnostics
import Files
import FoundationEssentials
import Recur

/// Objects of a file, one on each line.
enum JSONLines {
  /// Adds a row for each object: numbers, truth values as 0 and 1, and texts.
  static func add(_ path: String, to packer: TablePacker) throws {
    try forEach(of: path) { object, place in
      try packer.add(place: place) { name in
        switch object[Name(name)] {
        case .integer(let number): .number(Double(number))
        case .unsigned(let number): .number(Double(number))
        case .number(let number): .number(number)
        case .boolean(let truth): .number(truth ? 1 : 0)
        case .string(let text): .text(text)
        default: nil
        }
      }
    }
  }

  /// The names of the first object, in the order of their bytes.
  static func columns(of path: String) throws -> [String] {
    let lines = try LineStream(path, key: "IN")
    guard let line = try lines.next() else { throw Failure.badData("\(path): is empty") }
    return try object(line, "\(path), line 1").keys.sorted().map(\.text)
  }

  /// A field of each object as a text, each a line.
  static func texts(of path: String, field: String) throws -> InputFile {
    var bytes: [UInt8] = []
    try forEach(of: path) { object, place in
      guard case .string(let text) = object[Name(field)] else {
        throw Failure.badData("\(place): \(quoted(field)) is no text")
      }
      bytes += text.utf8
      bytes.append(UInt8(ascii: "\n"))
    }
    return InputFile(path: path, bytes: bytes)
  }

  private static func forEach(of path: String, _ body: ([Name: JSONValue], _ place: String) throws -> Void)
    throws
  {
    let lines = try LineStream(path, key: "IN")
    while let line = try lines.next() {
      let place = "\(lines.name), line \(lines.number)"
      try body(try object(line, place), place)
    }
  }

  private static func object(_ line: [UInt8], _ place: String) throws -> [Name: JSONValue] {
    do { return try JSONDecoder().decode([Name: JSONValue].self, from: Data(line)) } catch {
      throw Failure.badData("\(place): is not a JSON object such as {\"a\": 1.5, \"label\": \"up\"}")
    }
  }
}
