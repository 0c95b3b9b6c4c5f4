import FoundationEssentials
import Recur

/// One sample that a program has sent as a JSON object.
struct PredictRequest {
  /// What the sender calls it: JSON, given back with the answer.
  private(set) var id: String?
  private let place: String
  private var values: [Name: JSONValue]

  /// - place: where it stands, for messages.
  init(_ line: [UInt8], place: String) throws {
    self.place = place
    do {
      values = try JSONDecoder().decode([Name: JSONValue].self, from: Data(line))
    } catch {
      throw Failure.badData("\(place): is not a JSON object such as {\"inputs\": [[1, 2], [3, 4]]}")
    }
  }

  /// The sample as a file of the recipe's format with nothing else in it.
  /// - specification: of such a file; adapted to how it is written.
  /// - features: how many numbers a step has, where that is known.
  mutating func content(for specification: inout DataSpecification, features: Int?) throws -> [UInt8] {
    switch specification.format {
    case .csv: return try table(&specification)
    case .npy, .ts, .idx:
      let steps = try rows(features: specification.format == .npy ? features : nil)
      try takeID()
      return switch specification.format {
      case .npy: array(steps)
      case .ts: series(steps)
      default: try image(steps)
      }
    case .tagged:
      let tokens = try list("tokens").values
      try takeID()
      guard !tokens.isEmpty,
        tokens.allSatisfy({ token in !token.isEmpty && !token.utf8.contains { $0 <= 32 } })
      else {
        throw failure("\"tokens\" must be words without blanks")
      }
      return Array(tokens.map { "\($0)\n" }.joined().utf8)
    case .pairs:
      guard case .string(let source)? = values.removeValue(forKey: "source") else {
        throw failure("needs a \"source\", a string")
      }
      try takeID()
      guard !source.utf8.contains(where: { $0 == 9 || $0 == 10 || $0 == 13 }) else {
        throw failure("the \"source\" must be one line without tabs")
      }
      return Array("\(source)\n".utf8)
    case .text:
      throw Failure.usage("--input: a text can't be sent line by line; recur generate goes on with one")
    }
  }

  private static func list(_ names: [String]) -> String { names.map { quoted($0) }.joined(separator: ", ") }
  func failure(_ what: String) -> Failure { .badData("\(place): \(what)") }

  /// What is left must be the sample's name.
  private mutating func takeID(columns: [String] = []) throws {
    if let value = values.removeValue(forKey: "id") {
      guard let text = value.scalarJSON else { throw failure("\"id\" must be a string or a number") }
      id = text
    }
    guard let other = values.keys.sorted().first else { return }
    let known =
      columns.isEmpty ? "" : "; the columns are \(columns.map { quoted($0) }.joined(separator: ", "))"
    throw failure("nothing reads the key \(quoted(other.text))\(known)")
  }
}

extension PredictRequest {
  /// As CSV with a header.
  private mutating func table(_ specification: inout DataSpecification) throws -> [UInt8] {
    (specification.delimiter, specification.header) = (",", true)
    (specification.decimal, specification.thousands) = (".", nil)
    specification.paths = []
    if !specification.wide.isEmpty { try takeSeries(&specification) }
    var names = specification.readColumns
    var columns: [Fields]
    if values["inputs"] != nil, !names.contains(where: { $0.hasSameBytes(as: "inputs") }) {
      // text: both lists are the recipe's own.
      guard specification.text != nil || names == specification.features else {
        throw failure("\"inputs\" are for numbers alone; name the columns \(Self.list(names))")
      }
      let rows = try rows(features: names.count)
      try takeID()
      columns = names.indices.map { column in Fields(values: rows.map { $0[column] }) }
    } else {
      columns = try names.map { try list($0) }
      // A column that is called id is no name of the sample.
      for name in specification.targets + (specification.label.map { [$0] } ?? []) {
        values.removeValue(forKey: Name(name))
      }
      try takeID(columns: names)
    }
    if let group = specification.group {
      // One sequence, whatever it is called.
      if let place = names.firstIndex(where: { $0.hasSameBytes(as: group) }) {
        guard let first = columns[place].values.first,
          columns[place].values.allSatisfy({ $0.hasSameBytes(as: first) })
        else { throw failure("\(quoted(group)) has several values, and a line is one sequence (data.group)") }
      } else {
        names.append(group)
        columns.append(Fields(values: ["0"], isOfAllRows: true))
      }
    }
    return try lines(names, columns, &specification)
  }

  /// Of a table whose columns are the series, those that the line has: one or several.
  private mutating func takeSeries(_ specification: inout DataSpecification) throws {
    let others = specification.readColumns.map { Name($0) } + ["id", "inputs"]
    // text: a star is all columns that are nothing else.
    let sent =
      specification.wide == ["*"]
      ? values.keys.filter { !others.contains($0) }.sorted().map(\.text)
      : specification.wide.filter { values[Name($0)] != nil }
    guard !sent.isEmpty else {
      throw failure("has no column that is a series (data.wide), such as {\"NAME\": [1, 2, 3]}")
    }
    specification.wide = sent
  }

  /// The rows of the window, and with `data.known` those after it.
  private func lines(
    _ names: [String], _ columns: [Fields], _ specification: inout DataSpecification
  ) throws -> [UInt8] {
    let ahead = specification.known.isEmpty ? 0 : specification.allHorizons.last ?? 0
    let after = names.map { [specification] in specification.isAhead($0) ? ahead : 0 }
    let rows = zip(columns, after).map { $0.isOfAllRows ? 1 : $0.values.count - $1 }.max() ?? 0
    for (place, column) in columns.enumerated()
    where !column.isOfAllRows && column.values.count != rows + after[place] {
      let what = "\(quoted(names[place])) has \(column.values.count) values"
      guard after[place] > 0 else { throw failure("\(what), another column \(rows)") }
      throw failure(
        "\(what), and needed are \(rows + ahead): those of the window and of the \(ahead) rows after it (data.known)"
      )
    }
    guard specification.group != nil || rows == specification.window else {
      throw failure("has \(rows) rows; the window sees \(specification.window) (data.window)")
    }
    var lines = [CSVLine.text(names)]
    if ahead > 0 { specification.firstRowAhead = rows }
    // No other column has a value after the window, but there must be something in its place.
    for row in 0..<rows + ahead { lines.append(CSVLine.text(columns.map { $0[row] })) }
    return Array((lines.joined(separator: "\n") + "\n").utf8)
  }

  /// What a sample has in one column.
  private struct Fields {
    var values: [String]
    /// Whether there is one value, which all rows have.
    var isOfAllRows = false

    /// After the last row that row's.
    subscript(row: Int) -> String { values[min(row, values.count - 1)] }
  }

  /// The fields of a column, step by step or one for all.
  private mutating func list(_ name: String) throws -> Fields {
    guard let value = values.removeValue(forKey: Name(name)) else {
      throw failure("\(quoted(name)) is missing")
    }
    guard case .array(let items) = value else {
      return Fields(values: try fields([value], name), isOfAllRows: true)
    }
    guard !items.isEmpty else { throw failure("\(quoted(name)) is an empty list") }
    return Fields(values: try fields(items, name))
  }

  private func fields(_ items: [JSONValue], _ name: String) throws -> [String] {
    try items.enumerated().map { index, item in
      guard let field = item.field else {
        throw failure("\(quoted(name)), value \(index + 1) is no number or text")
      }
      return field
    }
  }

  /// `inputs`: the steps of a sample, `[T][F]`.
  /// - features: how many there must be; nil for as many as the first step has.
  private mutating func rows(features: Int?) throws -> [[String]] {
    guard let value = values.removeValue(forKey: "inputs") else { throw failure("needs \"inputs\"") }
    guard case .array(let steps) = value, !steps.isEmpty else {
      guard let field = value.field, features == 1 else {
        throw failure("\"inputs\" must be a list of steps")
      }
      return [[field]]
    }
    // As many numbers as a step has, and no lists: one step.
    if let features, features > 1, steps.count == features, steps.allSatisfy({ $0.field != nil }) {
      return [steps.compactMap(\.field)]
    }
    var width = features
    return try steps.enumerated().map { index, step in
      let items = if case .array(let items) = step { items } else { [step] }
      let fields = items.compactMap(\.field)
      guard fields.count == items.count, !fields.isEmpty else {
        throw failure("\"inputs\", step \(index + 1) must be a list of numbers")
      }
      guard fields.count == width ?? fields.count else {
        throw failure("\"inputs\", step \(index + 1) has \(fields.count) values, not \(width!)")
      }
      width = fields.count
      return fields
    }
  }
}

extension DataSpecification {
  /// csv: the columns that a sample is made of.
  fileprivate var readColumns: [String] {
    if let text { return [text] }
    var names: [Name] = []
    // Of a wide table the feature is what its columns have.
    let own = wide.isEmpty ? features : features.filter { !$0.hasSameBytes(as: Self.wideColumn) }
    // text: a star names no column.
    let columns = wide == ["*"] ? [] : wide
    for name in own + statics + known + categorical + series + [time].compactMap(\.self) + columns {
      if !names.contains(Name(name)) { names.append(Name(name)) }
    }
    return names.map(\.text)
  }

  /// Whether a column has something to say about rows after the window.
  fileprivate func isAhead(_ column: String) -> Bool {
    (known + [time].compactMap(\.self)).contains { $0.hasSameBytes(as: column) }
  }
}

extension JSONValue {
  /// As a field of a CSV file; null is an empty one, and a list none.
  fileprivate var field: String? {
    switch self {
    case .null: ""
    case .boolean(let value): value ? "1" : "0"
    case .integer(let value): "\(value)"
    case .unsigned(let value): "\(value)"
    case .number(let value): "\(value)"
    case .string(let value): value
    case .array, .object: nil
    }
  }

  /// A string or a number as JSON.
  fileprivate var scalarJSON: String? {
    switch self {
    case .string(let value): JSONObject.quoted(value)
    case .integer, .unsigned, .number: field
    case .null, .boolean, .array, .object: nil
    }
  }
}
