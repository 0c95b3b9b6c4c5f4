/// What the value of a key may be, for people and for JSON Schema.
indirect enum ValueKind: Sendable {
  /// How many items a list has.
  enum Count: Sendable {
    case any, notEmpty
    /// An item that is no list counts as a list of one.
    case orOneAlone
    case exactly(Int)
  }

  case whole(ClosedRange<Int>)
  case number(NumberRange)
  case flag
  case text
  case file
  case choice([String])
  case list(of: ValueKind, Count)
  /// A map of exactly one of these keys.
  case map([String: ValueKind])
  /// A map from any names.
  case entries(of: ValueKind)
  case section(SectionDescription)
  case either([ValueKind])

  /// Such as "whole number, at least 1".
  var words: String {
    switch self {
    case .whole(let range): "whole number\(Self.words(range))"
    case .number(.any): "number"
    case .number(let range): "number, \(range.words)"
    case .flag: "true or false"
    case .text: "text"
    case .file: "path"
    case .choice(let choices): choices.joined(separator: " | ")
    case .list(let item, .orOneAlone): "\(item.words), or a list"
    case .list(let item, .exactly(let count)): "list of \(count): \(item.words)"
    case .list(let item, .any), .list(let item, .notEmpty): "list of: \(item.words)"
    case .map(let entries): entries.map { "{\($0): \($1.words)}" }.sorted().joined(separator: " | ")
    case .entries(let value): "{name: \(value.words), …}"
    case .section(let section):
      ((section.isShorthand ? section.kinds : []) + ["{\(section.names.joined(separator: ", "))}"])
        .joined(separator: " | ")
    case .either(let kinds): kinds.map(\.words).joined(separator: " | ")
    }
  }

  private static func words(_ range: ClosedRange<Int>) -> String {
    // What only says that a number must fit is no news.
    let isOpen = range.upperBound >= Int(Int32.max)
    switch (range.lowerBound, isOpen) {
    case (..<(-1 << 30), true): return ""
    case (let least, true): return ", at least \(least)"
    case (let least, false): return ", \(least) to \(range.upperBound)"
    }
  }

  /// Whether a value is always a map of keys, or the word that stands for one.
  var isSection: Bool { if case .section = self { true } else { false } }

  /// The section that a value may be.
  var section: SectionDescription? {
    switch self {
    case .section(let section): section
    case .either(let kinds): kinds.lazy.compactMap(\.section).first
    default: nil
    }
  }

  /// The words that a value may be.
  var choices: [String] {
    switch self {
    case .choice(let choices): choices
    case .flag: ["true", "false"]
    case .either(let kinds): kinds.flatMap(\.choices)
    case .section(let section): section.isShorthand ? section.kinds : []
    default: []
    }
  }
}
