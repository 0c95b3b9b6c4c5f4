import Diagnostics

/// Values of a categorical column that training did not see: the network reads each of them as `<unseen>`.
public struct UnseenCategories: Sendable, Equatable {
  public let column: String
  /// Each once, in the order in which they first stand.
  public private(set) var values: [String]

  /// Those of several tables together, column by column.
  static func joined(_ tables: [[UnseenCategories]]) -> [UnseenCategories] {
    var all: [UnseenCategories] = []
    for unseen in tables.joined() {
      guard let place = all.firstIndex(where: { $0.column.hasSameBytes(as: unseen.column) }) else {
        all.append(unseen)
        continue
      }
      let known = Set(all[place].values.map { Name($0) })
      all[place].values += unseen.values.filter { !known.contains(Name($0)) }
    }
    return all
  }
}

extension TableRows {
  /// The codes of the categorical columns, `[rows, C]`, and the values that have none.
  /// - training: the rows that name them where they have no names yet; nil for all.
  func categories(
    _ names: inout [[String]]?, training: [Range<Int>]?
  ) throws(Failure) -> (codes: [Int32], unseen: [UnseenCategories]) {
    let columns = roles.categories
    if names == nil {
      names = try columns.map { (column) throws(Failure) in
        let texts = try self.names(column)
        var seen: Set<Int32> = []
        for range in training ?? [0..<rows] { seen.formUnion(self.codes[column][range]) }
        return sortedClassNames(seen.filter { $0 >= 0 }.map { texts[Int($0)] })
      }
    }
    var codes = [Int32](repeating: 0, count: rows * columns.count)
    var unseen: [UnseenCategories] = []
    for (place, column) in columns.enumerated() {
      let known = Name.numbers(names![place])
      let texts = try self.names(column)
      let map = texts.map { known[Name($0)].map { $0 + 1 } ?? 0 }
      var isUnseen = [Bool](repeating: false, count: texts.count)
      for row in 0..<rows where self.codes[column][row] >= 0 {
        let text = Int(self.codes[column][row])
        codes[row * columns.count + place] = map[text]
        if map[text] == 0 { isUnseen[text] = true }
      }
      let values = texts.indices.filter { isUnseen[$0] }.map { texts[$0] }
      if !values.isEmpty { unseen.append(UnseenCategories(column: roles.names[column].name, values: values)) }
    }
    return (codes, unseen)
  }
}
