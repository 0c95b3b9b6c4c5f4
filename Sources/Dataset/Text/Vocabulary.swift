import Diagnostics
import Files

/// The tokens a text is made of, numbered from 0.
public struct Vocabulary: Sendable, Equatable {
  public let tokens: DataSpecification.Tokens
  /// By number. Bytes are named "0" to "255".
  public let names: [String]
  private let numbers: [Name: Int32]

  /// Stands for words and characters that are not in the vocabulary.
  public static let unknown = "<unk>"
  /// The end of a line, where tokens are words.
  public static let endOfLine = "<eos>"

  public init(_ tokens: DataSpecification.Tokens, names: [String]) {
    self.tokens = tokens
    self.names = names
    numbers = Name.numbers(names)
  }

  /// The vocabulary of texts: bytes are all 256; characters by code point; words by how often they occur, then by their bytes.
  /// - parts: how often each token occurs in each part of the data.
  /// - minCount: tokens that occur less often become `unknown`.
  /// - size: the most tokens kept, `unknown` included; the most frequent are.
  init(_ tokens: DataSpecification.Tokens, of parts: [[Name: Int]], minCount: Int, size: Int? = nil) {
    if tokens == .byte {
      self.init(tokens, names: (0..<256).map(String.init))
      return
    }
    var counts: [Name: Int] = [:]
    for part in parts { counts.merge(part, uniquingKeysWith: +) }
    var kept = counts.filter { $0.value >= minCount && $0.key != Name(Self.unknown) }.sorted {
      $0.value != $1.value
        ? $0.value > $1.value : $0.key < $1.key
    }.map { $0.key.text }
    let needsUnknown = kept.count < counts.count || size.map { kept.count > $0 } ?? false
    if let size { kept.removeLast(max(0, kept.count - size + (needsUnknown ? 1 : 0))) }
    if tokens == .char { kept.sort { $0.utf8.lexicographicallyPrecedes($1.utf8) } }
    self.init(tokens, names: (needsUnknown ? [Self.unknown] : []) + kept)
  }

  public var count: Int { names.count }

  /// A token's number; that of `unknown` where it is not in the vocabulary, nil where there is none for it.
  public func number(_ name: String) -> Int32? {
    numbers[Name(name)] ?? numbers[Name(Self.unknown)]
  }

  /// The bytes of a token as a text goes on with it: words are set apart by blanks, and a line's end is one.
  /// - isFirst: whether a line begins with it.
  public func bytes(of token: Int32, isFirst: Bool) -> [UInt8] {
    let name = names[Int(token)]
    switch tokens {
    case .byte: return [UInt8(name) ?? UInt8(ascii: "?")]
    case .char: return Array(name.utf8)
    case .word: return name == Self.endOfLine ? [newline] : Array((isFirst ? name : " " + name).utf8)
    }
  }

  /// A sequence of tokens as text, without the end of a target.
  public func text(of sequence: some Sequence<Int32>) -> String { joined(sequence.map { names[Int($0)] }) }

  /// Tokens as they stand in a line.
  func joined(_ names: [String]) -> String { names.joined(separator: tokens == .word ? " " : "") }

  /// The numbers of a text's tokens. A text that goes on has no end of line after its last word.
  /// - place: where it stands, for messages.
  /// - Throws: a `Failure` that names the token that is not known.
  public func encode(_ text: String, place: String = "the text") throws(Failure) -> [Int32] {
    let file = InputFile(path: place, bytes: Array(text.utf8))
    return try TokenText(file, tokens, isComplete: false).encoded(by: self).numbers
  }
}
