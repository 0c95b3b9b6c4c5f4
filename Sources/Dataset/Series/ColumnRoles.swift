import Diagnostics

/// Which columns of a table are read, and what each is for.
struct ColumnRoles {
  /// Columns of numbers, each once, in the order in which a table has them; nil for one that a file lacks.
  private(set) var numbers: [NamedColumn] = []
  /// Columns of names, likewise.
  private(set) var names: [NamedColumn] = []

  struct NamedColumn {
    let name: String
    /// The recipe's key that asks for it first.
    let key: String
    /// Whether a file may lack it, or have nothing in a field.
    var isOptional: Bool
  }

  /// Places in `numbers`.
  private(set) var features: [Int] = []
  private(set) var statics: [Int] = []
  private(set) var known: [Int] = []
  private(set) var targets: [Int] = []
  private(set) var weight: Int?
  /// Places in `names`.
  private(set) var series: [Int] = []
  private(set) var categories: [Int] = []
  private(set) var time: Int?
  private(set) var label: Int?
  private(set) var group: Int?

  init(_ data: DataSpecification) {
    let mayLack = data.areTargetsOptional
    // text: a wide table's column is called by a word of this program.
    let isWide = !data.wide.isEmpty
    features = data.features.map { number($0, "data.features", isOptional: isWide && $0 == Self.value) }
    statics = data.statics.map { number($0, "data.static") }
    known = data.known.map { number($0, "data.known") }
    targets = data.targets.map {
      number($0, "data.targets", isOptional: mayLack || isWide && $0 == Self.value)
    }
    weight = mayLack ? nil : data.weight.map { number($0, "data.weight") }
    series = data.series.map { name($0, "data.series") }
    categories = data.categorical.map { name($0, "data.categorical") }
    time = data.time.map { name($0, "data.time") }
    label = data.label.map { name($0, "data.label", isOptional: mayLack) }
    group = data.group.map { name($0, "data.group") }
  }

  private mutating func number(_ name: String, _ key: String, isOptional: Bool = false) -> Int {
    Self.place(of: name, key, isOptional, in: &numbers)
  }
  private mutating func name(_ name: String, _ key: String, isOptional: Bool = false) -> Int {
    Self.place(of: name, key, isOptional, in: &names)
  }

  private static func place(
    of name: String, _ key: String, _ isOptional: Bool, in columns: inout [NamedColumn]
  ) -> Int {
    if let place = columns.firstIndex(where: { $0.name.hasSameBytes(as: name) }) {
      columns[place].isOptional = columns[place].isOptional && isOptional
      return place
    }
    columns.append(NamedColumn(name: name, key: key, isOptional: isOptional))
    return columns.count - 1
  }

  /// Columns of numbers that the network reads; `data.gaps` rules them.
  var inputs: [Int] { Array(Set(features + statics + known)).sorted() }

  /// The same columns of a file of which only the times and what is known in advance matter.
  var numbersAhead: [NamedColumn] { Self.optional(numbers, but: Set(known)) }
  var namesAhead: [NamedColumn] { Self.optional(names, but: Set(series + (time.map { [$0] } ?? []))) }

  private static func optional(_ columns: [NamedColumn], but needed: Set<Int>) -> [NamedColumn] {
    columns.enumerated().map { place, column in
      var column = column
      column.isOptional = !needed.contains(place)
      return column
    }
  }

  /// What a column of a wide table is called.
  static let value = "value"
  /// Its place in `numbers`.
  var value: Int { numbers.firstIndex { $0.name == Self.value } ?? 0 }
}

extension CSVHeader {
  /// Where the columns stand in this file; nil for one that it may lack.
  func indices(of columns: [ColumnRoles.NamedColumn]) throws(Failure) -> [Int?] {
    try columns.map { (column) throws(Failure) in
      let isThere = names.contains { $0.hasSameBytes(as: column.name) }
      return column.isOptional && !isThere ? nil : try index(of: column.name, key: column.key)
    }
  }

  /// The columns that are a series each.
  func wideColumns(_ data: DataSpecification, _ roles: ColumnRoles) throws(Failure) -> [Int] {
    if data.wide.isEmpty { return [] }
    if data.wide != ["*"] { return try indices(of: data.wide, key: "data.wide") }
    let others = (roles.numbers + roles.names).map { Name($0.name) }
    let columns = names.indices.filter { !others.contains(Name(names[$0])) }
    if columns.isEmpty { throw file.failure("has no column for data.wide") }
    return columns
  }
}
