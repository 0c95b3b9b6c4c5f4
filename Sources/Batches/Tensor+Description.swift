import Diagnostics

extension Tensor: CustomStringConvertible {
  /// As PyTorch prints it: four digits, a column's numbers below each other, and of more than 1000 numbers the first and last three
  /// of each dimension.
  public var description: String {
    let opening = "tensor("
    guard count > 0 else {
      let size = shape.map { "\($0)" }.joined(separator: ", ")
      return shape == [0] ? "tensor([])" : "tensor([], size=(\(size)))"
    }
    let text = TensorText(self)
    return opening + text.lines(0, from: 0, indent: opening.utf8.count) + ")"
  }
}

/// How one tensor is printed.
private struct TensorText {
  private let tensor: Tensor
  private let format: String
  private let width: Int
  private let isSummary: Bool
  /// Numbers of the values that one index of each dimension spans.
  private let strides: [Int]

  private static let edge = 3
  private static let lineWidth = 80

  init(_ tensor: Tensor) {
    self.tensor = tensor
    isSummary = tensor.count > 1000
    var strides = [Int](repeating: 1, count: tensor.shape.count)
    for dimension in strides.indices.dropLast().reversed() {
      strides[dimension] = strides[dimension + 1] * tensor.shape[dimension + 1]
    }
    self.strides = strides
    let shown = Self.shown(tensor, strides, isSummary)
    let format = Self.format(shown)
    self.format = format
    width = shown.reduce(0) { max($0, Self.text($1, format).utf8.count) }
  }

  /// The numbers after an index of each dimension before this one.
  /// - indent: columns before the first bracket.
  func lines(_ dimension: Int, from offset: Int, indent: Int) -> String {
    guard dimension < tensor.shape.count else { return number(tensor.values[offset]) }
    let isLast = dimension == tensor.shape.count - 1
    let items = Self.indices(tensor.shape[dimension], isSummary).map { index -> String in
      guard let index else { return isLast ? " ..." : "..." }
      return lines(dimension + 1, from: offset + index * strides[dimension], indent: indent + 1)
    }
    guard isLast else {
      let gap = String(repeating: "\n", count: tensor.shape.count - 1 - dimension)
      let margin = String(repeating: " ", count: indent + 1)
      return "[" + items.joined(separator: ",\(gap)\(margin)") + "]"
    }
    return "[" + wrapped(items, indent: indent) + "]"
  }

  /// One row's numbers, as many in a line as there is room for.
  private func wrapped(_ items: [String], indent: Int) -> String {
    let most = max(1, (Self.lineWidth - indent) / (width + 2))
    let lines = stride(from: 0, to: items.count, by: most).map { start in
      items[start..<min(start + most, items.count)].joined(separator: ", ")
    }
    return lines.joined(separator: ",\n" + String(repeating: " ", count: indent + 1))
  }

  private func number(_ value: Float) -> String {
    let text = Self.text(value, format)
    return String(repeating: " ", count: width - text.utf8.count) + text
  }

  private static func text(_ value: Float, _ format: String) -> String {
    guard value.isFinite else { return value.isNaN ? "nan" : value < 0 ? "-inf" : "inf" }
    return String(printf: format, Double(value))
  }

  /// Whole numbers without digits after the point; powers of ten where sizes differ by more than a thousandfold.
  private static func format(_ values: [Float]) -> String {
    let sizes = values.filter { $0.isFinite && $0 != 0 }.map { Double($0.magnitude) }
    guard let least = sizes.min(), let most = sizes.max() else { return "%.0f." }
    let isWhole = sizes.allSatisfy { $0 == $0.rounded() }
    if isWhole { return most / least > 1000 || most > 1e8 ? "%.4e" : "%.0f." }
    return most / least > 1000 || most > 1e8 || least < 1e-4 ? "%.4e" : "%.4f"
  }

  /// The indices of a dimension that are shown; nil for those that are left out.
  private static func indices(_ size: Int, _ isSummary: Bool) -> [Int?] {
    guard isSummary, size > 2 * edge else { return Array(0..<size) }
    return Array(0..<edge) + [nil] + Array(size - edge..<size)
  }

  private static func shown(_ tensor: Tensor, _ strides: [Int], _ isSummary: Bool) -> [Float] {
    guard isSummary else { return tensor.values }
    var offsets = [0]
    for (size, stride) in zip(tensor.shape, strides) {
      let indices = indices(size, isSummary).compactMap { $0 }
      offsets = offsets.flatMap { offset in indices.map { offset + $0 * stride } }
    }
    return offsets.map { tensor.values[$0] }
  }
}
