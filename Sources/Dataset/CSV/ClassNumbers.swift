import Diagnostics

/// Texts of rows as classes.
struct ClassNumbers {
  /// The different texts.
  let texts: NameTable
  /// The text of each row; -1 for a gap.
  let codes: [Int32]
  /// Where the text of a row stands, for messages.
  let location: (_ row: Int) -> String

  /// The class of each row as a number into the names; -1 where nobody knows it.
  /// - names: set from these texts where nil.
  /// - origin: where they are from, for messages.
  /// - isOptional: whether gaps, and words like `NA` that are no class, are unknown instead of errors.
  func numbers(
    _ names: inout [String]?, origin: String, isOptional: Bool = false
  ) throws(Failure) -> [Int32] {
    let found = try (0..<texts.count).map { (number) throws(Failure) in
      if let name = Name(utf8: texts[number]) { return name }
      throw .badData(
        "\(location(codes.firstIndex(of: Int32(number)) ?? 0)): class label \(quoted(texts[number])) is not UTF-8; "
          + "save the file as UTF-8")
    }
    let known = names ?? sortedClassNames(found.map(\.text))
    names = known
    let numbers = Name.numbers(known)
    let (wrong, unknown) = (Int32(-2), Int32(-1))
    let notation = NumberNotation()
    let map = found.map { name in
      numbers[name] ?? (isOptional && notation.isGap(Array(name.text.utf8)) ? unknown : wrong)
    }
    let classes = codes.map { $0 < 0 ? unknown : map[Int($0)] }
    if let row = classes.firstIndex(of: wrong) {
      let name = quoted(texts[Int(codes[row])])
      throw .badData(
        "\(location(row)): class label \(name) is not among the \(known.count) of \(origin)")
    }
    return classes
  }
}

/// Class names in an order that does not depend on the rows': as numbers where all are whole numbers, else by bytes.
package func sortedClassNames(_ names: [String]) -> [String] {
  let numbers = names.compactMap { Int($0) }
  if numbers.count == names.count {
    return zip(numbers, names).sorted { ($0.0, Name($0.1)) < ($1.0, Name($1.1)) }.map(\.1)
  }
  return names.sorted { Name($0) < Name($1) }
}
