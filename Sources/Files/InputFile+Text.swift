import Diagnostics

extension InputFile {
  /// Where the text begins: after the byte order mark of UTF-8, which is no data.
  /// - Throws: `badData` for UTF-16.
  package func textStart() throws(Failure) -> Int {
    guard origin == 0, count >= 2 else { return 0 }
    if padded[0] == 0xFF && padded[1] == 0xFE || padded[0] == 0xFE && padded[1] == 0xFF {
      throw failure("is UTF-16; save it as UTF-8")
    }
    return count >= 3 && padded[0] == 0xEF && padded[1] == 0xBB && padded[2] == 0xBF ? 3 : 0
  }

  /// The bytes of the text.
  package func withText<R>(_ body: (UnsafeBufferPointer<UInt8>) throws(Failure) -> R) throws(Failure) -> R {
    let start = try textStart()
    return try padded.withUnsafeBufferPointer { (bytes) throws(Failure) -> R in
      try body(UnsafeBufferPointer(rebasing: bytes[start..<count]))
    }
  }

  /// The text as a string; nil where it is not UTF-8.
  package func text() throws(Failure) -> String? {
    try withText { String(validating: $0, as: UTF8.self) }
  }

  /// Calls `body` with each line and its number from 1.
  /// - Throws: `badData` where the text is not UTF-8.
  /// - advice: what to do then.
  package func forEachLine(
    advice: String = "", _ body: (_ line: UnsafeBufferPointer<UInt8>, _ number: Int) throws(Failure) -> Void
  ) throws(Failure) {
    try withText { (text) throws(Failure) in
      guard isUTF8(text) else { throw failure("is not UTF-8 text\(advice)") }
      var lines = Lines(text)
      while let line = lines.next() { try body(line, lines.number) }
    }
  }

  private func isUTF8(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
    String(validating: text, as: UTF8.self) != nil
  }

  /// The lines of a small text that a person or the system wrote.
  /// - limit: the most bytes it may have.
  package static func lines(
    of path: String, key: String, allowsStream: Bool = false, limit: Int
  ) throws(Failure) -> [String] {
    let file = try InputFile(path: path, key: key, allowsStream: allowsStream, limit: limit)
    return try file.withText { Lines($0).map { String(decoding: $0, as: UTF8.self) } }
  }
}

extension InputFile {
  /// The number of the line, from 1, that holds the byte at `offset` of those held. Lines end in LF, CR LF or CR.
  package func line(at offset: Int) -> Int { line(ofByte: origin + min(offset, count)) }

  /// The same of a byte of the file, which need not be held.
  package func line(ofByte place: Int) -> Int {
    var line = 1
    var wasReturn = false
    for start in stride(from: 0, to: place, by: 1 << 20) {
      // What can't be read any more has no lines.
      try? withBytes(start..<min(start + 1 << 20, place)) { bytes in
        for byte in bytes {
          // A carriage return ends a line unless the line feed after it does.
          if byte == newline || wasReturn { line += 1 }
          wasReturn = byte == carriageReturn
        }
      }
    }
    let isPair = (try? withBytes(place..<min(place + 1, size)) { $0.first != newline }) == false
    return wasReturn && place < size && !isPair ? line + 1 : line
  }

  /// "FILE, line L"; of a sample that a program sent, whose path says the line already, which of its values it is.
  package func location(line: Int) -> String {
    guard let firstValueLine else { return "\(path), line \(line)" }
    return line < firstValueLine ? path : "\(path), value \(line - firstValueLine + 1)"
  }

  package func failure(_ what: String) -> Failure { .badData("\(path): \(what)") }

  package func failure(at offset: Int, column: String? = nil, _ what: String) -> Failure {
    let place = column.map { ", column \(quoted($0))" } ?? ""
    return .badData("\(self.location(line: line(at: offset)))\(place): \(what)")
  }
}
