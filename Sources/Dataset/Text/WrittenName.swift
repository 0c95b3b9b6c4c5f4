/// A token as it is written: equal where its bytes are. Strings are equal where they mean the same to a reader, such as é as one code
/// point and as e with an accent.
struct WrittenName: Hashable, Sendable {
  let text: Substring

  init(_ text: some StringProtocol) { self.text = Substring(text) }

  static func == (a: Self, b: Self) -> Bool { a.text.utf8.elementsEqual(b.text.utf8) }

  func hash(into hasher: inout Hasher) {
    for byte in text.utf8 { hasher.combine(byte) }
    hasher.combine(UInt8.max)
  }
}
