import Diagnostics

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A key of the recipe, and what a sweep tries for it.
public struct SearchAxis: Sendable {
  public enum Values: Equatable, Sendable {
    /// These, as YAML.
    case list([String])
    case range(Range)
  }
  /// Both ends included.
  public struct Range: Equatable, Sendable {
    public var low: Double
    public var high: Double
    /// Whether it has whole numbers alone: both ends are written as such.
    public var isWhole: Bool
    /// Whether each order of magnitude is as likely as the next.
    public var isLogarithmic: Bool
  }

  /// As `--set` takes it: `optimizer.lr`.
  public let key: Name
  public let values: Values

  /// - text: `KEY=A,B,C`; where values are drawn also `KEY=LOW..HIGH` and `KEY=log:LOW..HIGH`.
  /// - option: what it was given by, for messages.
  public init(_ text: String, option: String, isDrawn: Bool) throws(Failure) {
    func wrong(_ what: String) -> Failure { .usage("\(option) \(text): \(what)") }
    guard let equals = text.utf8.firstIndex(of: UInt8(ascii: "=")), equals > text.startIndex else {
      throw wrong("expected KEY=VALUES, for example optimizer.lr=1e-3,3e-3")
    }
    key = Name(text[..<equals])
    let words = text[text.utf8.index(after: equals)...]
    if let range = try Range(words, wrong) {
      guard isDrawn else { throw wrong("a range is for --random; --grid takes values with commas between") }
      values = .range(range)
    } else {
      let list = Self.items(of: words)
      guard list.allSatisfy({ !$0.isEmpty }) else { throw wrong("a value is empty") }
      values = .list(list)
    }
  }

  /// Cut at commas outside of quotes and brackets, which belong to a value.
  private static func items(of text: Substring) -> [String] {
    var items: [[UInt8]] = [[]]
    var depth = 0
    var quote: UInt8?
    for byte in text.utf8 {
      switch byte {
      case _ where quote != nil: if byte == quote { quote = nil }
      case UInt8(ascii: "\""), UInt8(ascii: "'"): quote = byte
      case UInt8(ascii: "["), UInt8(ascii: "{"): depth += 1
      case UInt8(ascii: "]"), UInt8(ascii: "}"): depth -= 1
      case UInt8(ascii: ",") where depth <= 0:
        items.append([])
        continue
      default: break
      }
      items[items.count - 1].append(byte)
    }
    return items.map { String(decoding: $0, as: UTF8.self) }
  }
}

extension SearchAxis.Range {
  /// nil where the text is no range.
  fileprivate init?(_ text: Substring, _ wrong: (String) -> Failure) throws(Failure) {
    isLogarithmic = text.hasBytes(first: "log:")
    let ends = Substring(isLogarithmic ? text.utf8.dropFirst(4) : text.utf8[...])
    let bytes = Array(ends.utf8)
    let point = UInt8(ascii: ".")
    let middle = bytes.indices.first { $0 + 1 < bytes.count && bytes[$0] == point && bytes[$0 + 1] == point }
    guard let middle else {
      if isLogarithmic { throw wrong("log: is for a range, for example log:16..512") }
      return nil
    }
    let first = String(decoding: bytes[..<middle], as: UTF8.self)
    let second = String(decoding: bytes[(middle + 2)...], as: UTF8.self)
    guard let low = Double(first), let high = Double(second) else {
      if isLogarithmic { throw wrong("the ends of a range are numbers, for example log:16..512") }
      return nil
    }
    guard low.isFinite, high.isFinite, low < high else {
      throw wrong("a range goes from a smaller number to a larger one")
    }
    guard low > 0 || !isLogarithmic else { throw wrong("a range of log: begins above 0") }
    isWhole = Int(first) != nil && Int(second) != nil
    guard !isWhole || max(abs(low), abs(high)) < 1e15 else { throw wrong("whole numbers end at 1e15") }
    (self.low, self.high) = (low, high)
  }

  /// - share: at least 0 and below 1.
  func value(at share: Double) -> String {
    let top = isWhole ? high + 1 : high
    let value = isLogarithmic ? exp(log(low) + share * (log(top) - log(low))) : low + share * (top - low)
    if isWhole { return "\(Int(min(max(value.rounded(.down), low), high)))" }
    // Six digits are as good as seventeen, and can be read.
    let short = Double(String(printf: "%.6g", value)) ?? value
    return "\(min(max(short, low), high))"
  }
}
