import Recur

/// Fields on a line as RFC 4180 wants them.
enum CSVLine {
  static func text(_ fields: [String]) -> String {
    var line: [UInt8] = []
    for (index, field) in fields.enumerated() {
      if index > 0 { line.append(UInt8(ascii: ",")) }
      append(field, to: &line)
    }
    return String(decoding: line, as: UTF8.self)
  }

  /// In quotes where its bytes could end a field, or begin or end with a blank, which does not belong to a field without quotes.
  private static func append(_ field: String, to line: inout [UInt8]) {
    let quote = UInt8(ascii: "\"")
    let ends = [field.utf8.first, field.utf8.last]
    let isQuoted =
      field.utf8.contains { $0 == UInt8(ascii: ",") || $0 == quote || $0 == 10 || $0 == 13 }
      || ends.contains { $0 == 32 || $0 == 9 }
    if isQuoted { line.append(quote) }
    for byte in field.utf8 {
      if byte == quote { line.append(quote) }
      line.append(byte)
    }
    if isQuoted { line.append(quote) }
  }
}

/// A JSON object that is put together without an encoder, its keys in the order given.
struct JSONObject {
  private var text = "{"

  mutating func add(_ key: String, json value: String) {
    if text.utf8.count > 1 { text += "," }
    text += "\(Self.quoted(key)):\(value)"
  }

  /// nil is null.
  mutating func add(_ key: String, _ value: String?) { add(key, json: value.map(Self.quoted) ?? "null") }

  var closed: String { text + "}" }

  /// A string in quotes; control characters are written out by `escapedInJSON`, once the line is complete.
  static func quoted(_ text: String) -> String {
    var quoted: [UInt8] = [UInt8(ascii: "\"")]
    for byte in text.utf8 {
      if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { quoted.append(UInt8(ascii: "\\")) }
      quoted.append(byte)
    }
    quoted.append(UInt8(ascii: "\""))
    return String(decoding: quoted, as: UTF8.self)
  }
}
