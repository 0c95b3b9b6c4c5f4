import Diagnostics

extension TableProbe {
  /// A mark that makes a column of numbers one of texts: 5 %, $5, (5).
  package struct NumberMark {
    package let mark: String
    /// The first text that has it, and its line.
    package let text: String
    package let line: Int
  }

  /// A value that is no time, in a column whose others are nearly all.
  package struct StrayTime {
    /// "FILE, line L, column 'NAME'"
    package let location: String
    package let text: String
    /// How many rows have such values, and how many have times.
    package let rows: Int
    package let rowsOfTimes: Int
    /// The first of the times.
    package let time: String
    /// nil for ISO 8601.
    package let pattern: String?
  }
}

extension TableProbe.NumberMark {
  private static let marks: Set<Unicode.Scalar> = ["%", "$", "€", "£", "¥", "(", ")", "+"]
  private static let blanks: Set<Unicode.Scalar> = [" ", "\u{A0}", "\u{202F}"]
  /// As of numbers among a few other texts.
  private static let nearlyAll = 0.9
  private static let tried = 5

  /// - texts: different ones, with how many rows have each, and whether it is a number as it stands.
  /// - line: of the first row with a text.
  /// - Returns: nil where the texts would be none of numbers without such marks.
  init?(
    _ texts: [(text: [UInt8], rows: Int, isPlainNumber: Bool)], _ notation: NumberNotation,
    line: (_ text: Int) -> Int
  ) {
    let point = UInt8(ascii: ".")
    let notations = [
      notation, NumberNotation(), NumberNotation(decimal: point, thousands: comma),
      NumberNotation(decimal: comma, thousands: point),
    ]
    func mark(_ text: [UInt8]) -> String? {
      let scalars = String(decoding: text, as: UTF8.self).unicodeScalars
      guard let mark = scalars.first(where: { Self.marks.contains($0) }) else { return nil }
      var rest = String.UnicodeScalarView()
      rest.append(contentsOf: scalars.filter { !Self.marks.contains($0) && !Self.blanks.contains($0) })
      let bytes = Array(String(rest).utf8)
      let isANumber = DecimalTables.with { tables in notations.contains { $0.strict(bytes, tables) != nil } }
      return isANumber && !bytes.isEmpty ? String(mark) : nil
    }
    let others = texts.indices.filter { !texts[$0].isPlainNumber }
    guard others.prefix(Self.tried).contains(where: { mark(texts[$0].text) != nil }) else { return nil }
    let marked = others.filter { mark(texts[$0].text) != nil }
    let all = texts.reduce(0) { $0 + $1.rows }
    let numbers = texts.reduce(0) { $0 + ($1.isPlainNumber ? $1.rows : 0) }
    guard let first = marked.first, let found = mark(texts[first].text),
      Double(marked.reduce(numbers) { $0 + texts[$1].rows }) >= Self.nearlyAll * Double(all)
    else { return nil }
    (self.mark, text) = (found, String(decoding: texts[first].text, as: UTF8.self))
    self.line = line(first)
  }
}

extension TableProbe.StrayTime {
  /// - location: of the first row with a text.
  init?(
    _ guess: TimeGuess, _ texts: [(text: [UInt8], rows: Int, isPlainNumber: Bool)],
    location: (_ text: Int) -> String
  ) {
    guard let stray = guess.times.firstIndex(of: nil), let time = guess.times.firstIndex(where: { $0 != nil })
    else { return nil }
    (text, self.time) = (
      String(decoding: texts[stray].text, as: UTF8.self), String(decoding: texts[time].text, as: UTF8.self)
    )
    rows = zip(guess.times, texts).reduce(0) { $0 + ($1.0 == nil ? $1.1.rows : 0) }
    rowsOfTimes = texts.reduce(0) { $0 + $1.rows } - rows
    self.location = location(stray)
    pattern = guess.pattern
  }
}
