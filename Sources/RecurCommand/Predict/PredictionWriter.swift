import Files
import Recur

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// What predictions are written as.
enum PredictionFormat {
  case csv
  /// A JSON object on each line.
  case jsonLines
  /// A NumPy array.
  case array

  /// - wantsLines: whether JSON was asked for; else the file's name decides.
  init(_ path: String, wantsLines: Bool) throws {
    let isArray = OutputContents.array.isAskedFor(by: path)
    guard !(wantsLines && isArray) else {
      throw Failure.usage(
        "--output \(path) is an array by its name, and --jsonl wants lines; give one of them")
    }
    self = isArray ? .array : wantsLines || Self.isOfLines(path) ? .jsonLines : .csv
  }

  /// Whether a file holds JSON lines by its name.
  static func isOfLines(_ path: String) -> Bool {
    let ending = Paths.ending(of: path)
    return ["jsonl", "ndjson"].contains { $0.hasSameBytes(as: ending) }
  }

  var contents: OutputContents {
    switch self {
    case .csv: .predictions
    case .jsonLines: .lines
    case .array: .array
    }
  }

  func writer(_ columns: PredictionColumns, to file: OutputFile) throws -> any PredictionWriter {
    switch self {
    case .csv: try CSVPredictions(columns, file)
    case .jsonLines: JSONPredictions(columns, file)
    case .array: try ArrayPredictions(columns, file)
    }
  }
}

/// Writes rows of predictions into a file, which who made it closes.
protocol PredictionWriter {
  mutating func write(_ row: PredictedRow) throws
  /// Writes what can only be written when all rows are known.
  mutating func finish() throws
}

extension PredictionWriter {
  mutating func finish() throws {}
}

/// A header and a line for each row, fields as RFC 4180 wants them. What is not known is an empty field.
struct CSVPredictions: PredictionWriter {
  private let columns: PredictionColumns
  private let file: OutputFile

  init(_ columns: PredictionColumns, _ file: OutputFile) throws {
    (self.columns, self.file) = (columns, file)
    let more = [
      ("step", columns.hasStep), ("row", columns.hasRow), ("series", columns.hasSeries),
      ("time", columns.hasTime),
    ]
    let place = ["split", "sample"] + more.filter(\.1).map(\.0)
    let answers =
      switch columns.kind {
      case .numbers(let names):
        names.flatMap { name in (["actual", "predicted"] + columns.levels).map { "\($0)_\(name)" } }
      case .classes(let names):
        ["actual", "predicted"] + (columns.showsProbabilities ? names.map { "probability_\($0)" } : [])
      case .sequences: ["source", "actual", "predicted"]
      }
    try file.write(CSVLine.text(place + answers))
  }

  func write(_ row: PredictedRow) throws {
    let numbers = [row.step, row.row].compactMap { $0.map(String.init) }
    let place = [row.part, "\(row.sample)"] + numbers + [row.series, row.time].compactMap(\.self)
    let answers =
      switch row.answer {
      case .numbers(let actual, let predicted, let quantiles):
        actual.indices.flatMap { ([actual[$0], predicted[$0]] + quantiles[$0]).map(Self.number) }
      case .label(let actual, let predicted, let probabilities):
        [actual ?? "", predicted] + (columns.showsProbabilities ? probabilities.map(Self.probability) : [])
      case .sequence(let source, let actual, let predicted): [source, actual, predicted ?? ""]
      }
    try file.write(CSVLine.text(place + answers))
  }

  /// All digits that it has, and none more; whole numbers as such. Empty for what nobody knows.
  static func number(_ value: Double) -> String {
    if value.isNaN { return "" }
    return value == value.rounded() && abs(value) < 0x1p53 ? "\(Int(value))" : "\(value)"
  }

  /// As many digits as a float32 holds.
  static func probability(_ value: Double) -> String { String(printf: "%.7g", value) }
}

/// An object for each row, with the names of targets and classes as keys. What is not known is null.
struct JSONPredictions: PredictionWriter {
  private let columns: PredictionColumns
  private let file: OutputFile

  init(_ columns: PredictionColumns, _ file: OutputFile) { (self.columns, self.file) = (columns, file) }

  func write(_ row: PredictedRow) throws {
    var object = JSONObject()
    if let id = row.id { object.add("id", json: id) }
    object.add("split", row.part)
    object.add("sample", json: "\(row.sample)")
    if let step = row.step { object.add("step", json: "\(step)") }
    if let place = row.row { object.add("row", json: "\(place)") }
    if let series = row.series { object.add("series", series) }
    if let time = row.time { object.add("time", time.isEmpty ? nil : time) }
    add(row.answer, to: &object)
    try file.write(object.closed.escapedInJSON)
  }

  private func add(_ answer: PredictedRow.Answer, to object: inout JSONObject) {
    switch (answer, columns.kind) {
    case (.numbers(let actual, let predicted, let quantiles), .numbers(let names)):
      object.add("actual", json: Self.numbers(names, actual))
      object.add("predicted", json: Self.numbers(names, predicted))
      for (index, level) in columns.levels.enumerated() {
        object.add(level, json: Self.numbers(names, quantiles.map { $0[index] }))
      }
    case (.label(let actual, let predicted, let probabilities), .classes(let names)):
      object.add("actual", actual)
      object.add("predicted", predicted)
      if columns.showsProbabilities {
        object.add("probabilities", json: Self.numbers(names, probabilities, CSVPredictions.probability))
      }
    case (.sequence(let source, let actual, let predicted), _):
      object.add("source", source)
      object.add("actual", actual.isEmpty ? nil : actual)
      object.add("predicted", predicted)
    default: preconditionFailure("an answer of another kind than its columns")
    }
  }

  private static func numbers(
    _ names: [String], _ values: [Double], _ text: (Double) -> String = CSVPredictions.number
  ) -> String {
    var object = JSONObject()
    for (name, value) in zip(names, values) { object.add(name, json: value.isFinite ? text(value) : "null") }
    return object.closed
  }
}

/// What is predicted as float32, `[rows, targets]`; with quantiles `[rows, targets, 1 + levels]`, what is predicted first; of classes
/// their probabilities, `[rows, classes]`.
struct ArrayPredictions: PredictionWriter {
  private let file: OutputFile
  /// Of a row.
  private let shape: [Int]
  private var numbers: [Float] = []

  /// - Throws: `usage` where what is found is no numbers.
  init(_ columns: PredictionColumns, _ file: OutputFile) throws {
    self.file = file
    switch columns.kind {
    case .numbers(let names) where !columns.levels.isEmpty: shape = [names.count, 1 + columns.levels.count]
    case .numbers(let names), .classes(let names): shape = [names.count]
    case .sequences:
      throw Failure.usage(
        "--output \(file.path) is an array by its name, and what is found is text; write CSV")
    }
  }

  mutating func write(_ row: PredictedRow) throws {
    switch row.answer {
    case .numbers(_, let values, let quantiles):
      for (value, quantiles) in zip(values, quantiles) { numbers += ([value] + quantiles).map { Float($0) } }
    case .label(_, _, let values): numbers += values.map { Float($0) }
    case .sequence: preconditionFailure("text in an array")
    }
  }

  func finish() throws {
    let size = shape.reduce(1, *)
    let all = [size == 0 ? 0 : numbers.count / size] + shape
    let shape = "(\(all.map(String.init).joined(separator: ", ")))"
    var header = "{'descr': '<f4', 'fortran_order': False, 'shape': \(shape), }"
    // Numbers begin at a multiple of 64 bytes, as NumPy writes them.
    header += String(repeating: " ", count: 63 - (10 + header.utf8.count) % 64) + "\n"
    let length = header.utf8.count
    let start = [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(length & 255), UInt8(length >> 8)]
    try (start + header.utf8).withUnsafeBytes { try file.write($0) }
    try numbers.map(\.bitPattern.littleEndian).withUnsafeBytes { try file.write($0) }
  }
}
