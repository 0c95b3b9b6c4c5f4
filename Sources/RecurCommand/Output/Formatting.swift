/// Numbers as a person reads them, and a dash where there is none (NaN).
enum Formatting {
  static let none = "–"

  /// Four significant digits: 0.0005123, 12.35, 1.235e+06.
  static func short(_ value: Double) -> String { value.isNaN ? none : String(printf: "%.4g", value) }

  /// Eight significant digits: more than float32 holds.
  static func precise(_ value: Double) -> String { value.isNaN ? none : String(printf: "%.8g", value) }

  static func percent(_ share: Double) -> String {
    share.isNaN ? none : String(printf: "%.2f%%", share * 100)
  }

  static func fixed(_ value: Double, _ decimals: Int) -> String {
    value.isNaN ? none : String(printf: "%.\(decimals)f", value)
  }

  /// Whole numbers in groups: 1,234,567.
  static func grouped(_ value: Int) -> String {
    let digits = String(value.magnitude)
    var out = ""
    for (i, digit) in digits.enumerated() {
      if i > 0 && (digits.count - i) % 3 == 0 { out += "," }
      out.append(digit)
    }
    return value < 0 ? "-" + out : out
  }

  /// How many: a whole number in groups, or a sum of weights.
  static func count(_ value: Double) -> String {
    Int(exactly: value).map(grouped) ?? precise(value)
  }

  /// 0.12 s, 12.3 s, 4 min 05 s, 3 h 12 min.
  static func duration(_ seconds: Double) -> String {
    guard seconds.isFinite, seconds < 1e9 else { return none }
    if seconds < 10 { return String(printf: "%.2f s", seconds) }
    if seconds < 60 { return String(printf: "%.1f s", seconds) }
    let whole = Int(seconds.rounded())
    if whole < 3600 { return String(printf: "%ld min %02ld s", whole / 60, whole % 60) }
    return String(printf: "%ld h %02ld min", whole / 3600, whole / 60 % 60)
  }

  static func bytes(_ count: Double) -> String {
    var value = count
    for unit in ["B", "KiB", "MiB", "GiB"] {
      if value < 1024 { return unit == "B" ? "\(Int(value)) B" : String(printf: "%.1f ", value) + unit }
      value /= 1024
    }
    return String(printf: "%.1f TiB", value)
  }

  /// Samples per second: 950, 12.3 k, 1.25 M.
  static func rate(_ perSecond: Double) -> String {
    guard perSecond.isFinite else { return none }
    if perSecond < 1000 { return String(printf: "%.0f", perSecond) }
    if perSecond < 1e6 { return String(printf: "%.1fk", perSecond / 1e3) }
    return String(printf: "%.2fM", perSecond / 1e6)
  }
}

extension String {
  func leftPadded(to width: Int) -> String {
    count >= width ? self : String(repeating: " ", count: width - count) + self
  }
  func rightPadded(to width: Int) -> String {
    count >= width ? self : self + String(repeating: " ", count: width - count)
  }
}
