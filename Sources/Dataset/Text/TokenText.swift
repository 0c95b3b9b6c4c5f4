import Diagnostics
import Files

/// A text cut into tokens, which are numbered as they first occur.
struct TokenText {
  let file: InputFile
  private(set) var ids: [Int32] = []
  private(set) var names: [String] = []

  /// - Throws: a `Failure` where characters or words are wanted of what is not UTF-8.
  init(_ file: InputFile, _ tokens: DataSpecification.Tokens) throws(Failure) {
    self.file = file
    switch tokens {
    case .byte: try readBytes()
    case .char: try readCharacters()
    case .word: try readWords()
    }
    if ids.count > Int(Int32.max) {
      throw file.failure("\(ids.count) tokens are more than the \(Int32.max) that can be numbered")
    }
  }

  /// How often each name occurs.
  var counts: [Int] {
    var counts = [Int](repeating: 0, count: names.count)
    for id in ids { counts[Int(id)] += 1 }
    return counts
  }

  mutating func removeLast() { ids.removeLast() }

  private mutating func readBytes() throws(Failure) {
    names = (0..<256).map(String.init)
    ids = try file.withText { $0.map { Int32($0) } }
  }

  private mutating func readCharacters() throws(Failure) {
    var numbers: [Unicode.Scalar: Int32] = [:]
    for scalar in try text().unicodeScalars {
      if let number = numbers[scalar] {
        ids.append(number)
        continue
      }
      numbers[scalar] = Int32(names.count)
      ids.append(Int32(names.count))
      names.append(String(scalar))
    }
  }

  /// Each line is its words, set apart by blanks, and the end of the line.
  private mutating func readWords() throws(Failure) {
    var numbers: [Name: Int32] = [:]
    func append(_ word: Substring) {
      let name = Name(word)
      if let number = numbers[name] {
        ids.append(number)
        return
      }
      numbers[name] = Int32(names.count)
      ids.append(Int32(names.count))
      names.append(String(word))
    }
    try file.forEachLine(advice: Self.advice) { line, _ in
      for word in line.split(whereSeparator: { $0 == space || $0 == tab }) {
        append(Substring(decoding: word, as: UTF8.self))
      }
      append(Substring(Vocabulary.endOfLine))
    }
  }

  private static let advice = "; use data.tokens: byte"

  private func text() throws(Failure) -> String {
    guard let text = try file.text() else { throw file.failure("is not UTF-8 text\(Self.advice)") }
    return text
  }

  /// The tokens as numbers of a vocabulary.
  func encoded(by vocabulary: Vocabulary) throws(Failure) -> [Int32] {
    let map = names.map { vocabulary.number($0) ?? -1 }
    let encoded = ids.map { map[Int($0)] }
    if let place = encoded.firstIndex(of: -1) {
      let ends = ["\n", Vocabulary.endOfLine]
      let line = 1 + ids[..<place].count { ends.contains(names[Int($0)]) }
      throw .badData(
        "\(file.location(line: line)): \(quoted(names[Int(ids[place])])) is not among the \(vocabulary.count) known tokens"
      )
    }
    return encoded
  }
}
