/// A name that comes from outside: of a column, a class, a token, a tag, a tensor, a key.
///
/// Two names are equal where their bytes are, and they are ordered by their bytes. Swift's strings are equal where they mean the
/// same to a reader, such as é as one code point and as e with an accent, which files, other programs and checksums tell apart.
public struct Name: Hashable, Comparable, Sendable {
  public let text: String

  public init(_ text: some StringProtocol) { self.text = String(text) }

  /// nil where the bytes are not UTF-8.
  public init?(utf8 bytes: some Sequence<UInt8>) {
    guard let text = String(validating: bytes, as: UTF8.self) else { return nil }
    self.text = text
  }

  public var utf8: String.UTF8View { text.utf8 }

  public static func == (a: Name, b: Name) -> Bool { a.text.hasSameBytes(as: b.text) }

  public static func < (a: Name, b: Name) -> Bool { a.utf8.lexicographicallyPrecedes(b.utf8) }

  public func hash(into hasher: inout Hasher) {
    let isWhole: Void? = utf8.withContiguousStorageIfAvailable {
      hasher.combine(bytes: UnsafeRawBufferPointer($0))
    }
    if isWhole == nil { for byte in utf8 { hasher.combine(byte) } }
    hasher.combine(UInt8.max)
  }
}

extension Name {
  /// The place of each name in a list; of equal ones the first.
  package static func numbers(_ names: [String]) -> [Name: Int32] {
    Dictionary(names.enumerated().map { (Name($1), Int32($0)) }, uniquingKeysWith: { first, _ in first })
  }
}

extension Name: ExpressibleByStringInterpolation, CustomStringConvertible {
  public init(stringLiteral text: String) { self.text = text }
  public var description: String { text }
}

/// A string in JSON, and a key of an object.
extension Name: Codable, CodingKeyRepresentable {
  public init(from decoder: any Decoder) throws {
    text = try decoder.singleValueContainer().decode(String.self)
  }

  public func encode(to encoder: any Encoder) throws {
    var value = encoder.singleValueContainer()
    try value.encode(text)
  }

  public var codingKey: any CodingKey { NameKey(stringValue: text) }
  public init?(codingKey: some CodingKey) { text = codingKey.stringValue }

  private struct NameKey: CodingKey {
    var stringValue: String
    var intValue: Int? { nil }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }
}

extension StringProtocol {
  /// Whether both are the same bytes.
  package func hasSameBytes(as other: some StringProtocol) -> Bool { utf8.elementsEqual(other.utf8) }

  /// Whether the bytes begin with these.
  package func hasBytes(first start: some StringProtocol) -> Bool { utf8.starts(with: start.utf8) }

  /// Whether the bytes end with these.
  package func hasBytes(last end: some StringProtocol) -> Bool {
    utf8.suffix(end.utf8.count).elementsEqual(end.utf8)
  }
}
