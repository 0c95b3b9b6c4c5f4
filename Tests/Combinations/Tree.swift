/// A recipe while it is put together: values, lists and maps, written as JSON, which is YAML.
public enum Tree: Hashable, Sendable {
  case flag(Bool)
  case integer(Int)
  case number(Double)
  case text(String)
  case list([Tree])
  case map([String: Tree])
}

extension Tree {
  /// What stands at a path such as `train.epochs`; setting makes the sections on the way.
  public subscript(path: String) -> Tree? {
    get {
      let (key, rest) = Self.split(path)
      guard case .map(let entries) = self else { return nil }
      return rest.map { entries[key]?[$0] } ?? entries[key]
    }
    set {
      let (key, rest) = Self.split(path)
      var entries: [String: Tree] = [:]
      if case .map(let present) = self { entries = present }
      if let rest {
        var section = entries[key] ?? .map([:])
        section[rest] = newValue
        entries[key] = section
      } else {
        entries[key] = newValue
      }
      self = .map(entries)
    }
  }

  private static func split(_ path: String) -> (key: String, rest: String?) {
    guard let dot = path.firstIndex(of: ".") else { return (path, nil) }
    return (String(path[..<dot]), String(path[path.index(after: dot)...]))
  }

  public var text: String? { if case .text(let text) = self { text } else { nil } }
  public var integer: Int? { if case .integer(let number) = self { number } else { nil } }
  public var list: [Tree]? { if case .list(let items) = self { items } else { nil } }
  public var isTrue: Bool { self == .flag(true) }

  /// Every value that is no map, with its path.
  public var leaves: [(path: String, value: Tree)] {
    guard case .map(let entries) = self else { return [("", self)] }
    return entries.sorted { $0.key < $1.key }.flatMap { key, value in
      value.leaves.map { ($0.path.isEmpty ? key : "\(key).\($0.path)", $0.value) }
    }
  }

  private static func escaped(_ scalar: Unicode.Scalar) -> String {
    switch scalar {
    case "\"": "\\\""
    case "\\": "\\\\"
    case "\t": "\\t"
    default: String(scalar)
    }
  }

  /// Keys are in order: equal trees are the same text.
  public var json: String {
    switch self {
    case .flag(let value): "\(value)"
    case .integer(let value): "\(value)"
    case .number(let value): "\(value)"
    case .text(let value): "\"\(value.unicodeScalars.map(Self.escaped).joined())\""
    case .list(let items): "[\(items.map(\.json).joined(separator: ", "))]"
    case .map(let entries):
      "{\(entries.sorted { $0.key < $1.key }.map { "\"\($0.key)\": \($0.value.json)" }.joined(separator: ", "))}"
    }
  }
}

extension Tree: ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
  ExpressibleByStringLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
  public init(booleanLiteral value: Bool) { self = .flag(value) }
  public init(integerLiteral value: Int) { self = .integer(value) }
  public init(floatLiteral value: Double) { self = .number(value) }
  public init(stringLiteral value: String) { self = .text(value) }
  public init(arrayLiteral elements: Tree...) { self = .list(elements) }
  public init(dictionaryLiteral elements: (String, Tree)...) {
    self = .map(Dictionary(uniqueKeysWithValues: elements))
  }
}
