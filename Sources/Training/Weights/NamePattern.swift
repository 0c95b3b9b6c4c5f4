import Diagnostics

/// A pattern for names of parameters: `*` is any text, none included, `?` any one byte, all else itself.
package struct NamePattern: Sendable, Equatable {
  package let text: String
  package init(_ text: String) { self.text = text }

  package func matches(_ name: String) -> Bool {
    let (pattern, name) = (Array(text.utf8), Array(name.utf8))
    var (p, n) = (0, 0)
    // The last star, and how far the text that it stands for reaches.
    var star: (pattern: Int, name: Int)?
    while n < name.count {
      if p < pattern.count, pattern[p] == UInt8(ascii: "*") {
        star = (p, n)
        p += 1
      } else if p < pattern.count, pattern[p] == name[n] || pattern[p] == UInt8(ascii: "?") {
        (p, n) = (p + 1, n + 1)
      } else if let last = star {
        star = (last.pattern, last.name + 1)
        (p, n) = (last.pattern + 1, last.name + 1)
      } else {
        return false
      }
    }
    return pattern[p...].allSatisfy { $0 == UInt8(ascii: "*") }
  }
}

extension [NamePattern] {
  func match(_ name: String) -> Bool { contains { $0.matches(name) } }

  /// Throws `badData` where a pattern fits none of these names: it would do nothing.
  /// - key: of the recipe.
  func requireUse(on names: [String], key: String) throws(Failure) {
    for pattern in self where !names.contains(where: pattern.matches) {
      throw .badData(
        "\(key): \(pattern.text) fits no parameter of this network; it has \(names.named(atMost: 12))")
    }
  }
}

extension [String] {
  /// The first of them, for messages.
  func named(atMost most: Int) -> String {
    prefix(most).joined(separator: ", ") + (count > most ? " and \(count - most) more" : "")
  }
}
