import Diagnostics
import Files

/// The targets of new data that are to be predicted: as far as the file has them, and unknown where it has none, also in the rows
/// behind its last one.
struct CSVAnswers {
  /// The rows of the file that samples are made of.
  private let inputs: CSVTable
  private let answers: CSVTable
  /// For each target its place in `answers`; nil where there is no such column.
  private let slots: [Int?]
  /// How far behind the last row a target may lie.
  private let reach: Int

  init(_ inputs: CSVTable, _ specification: DataSpecification) throws(Failure) {
    let header = inputs.header
    self.inputs = inputs
    reach = specification.group == nil ? specification.allHorizons.last ?? 0 : 0
    let places = try specification.targets.map { (name) throws(Failure) in
      try header.has(name) ? header.index(of: name, key: "data.targets") : nil
    }
    let label = try specification.label.flatMap { (name) throws(Failure) in
      try header.has(name) ? header.index(of: name, key: "data.label") : nil
    }
    var columns: [Int] = []
    slots = places.map { place in
      place.map { place in
        if let slot = columns.firstIndex(of: place) { return slot }
        columns.append(place)
        return columns.count - 1
      }
    }
    answers = try CSVReader.optional(header, columns: columns, label: label)
  }

  /// The number of a row in the file, counted on behind its end.
  func record(_ row: Int) -> Int {
    row < inputs.rows ? inputs.record(row) : inputs.record(inputs.rows - 1) + row - inputs.rows + 1
  }

  /// The class of each row, those behind the end included; -1 where it is not known.
  func classes(_ classNames: inout [String]?, origin: String) throws(Failure) -> [Int32] {
    var found = [Int32](repeating: -1, count: rows)
    guard answers.labelColumn != nil else { return found }
    let numbers = try answers.classes(&classNames, origin: origin, isOptional: true)
    for row in 0..<inputs.rows { found[row] = numbers[inputs.record(row)] }
    return found
  }
}

extension CSVAnswers: NumberTable {
  var rows: Int { inputs.rows + reach }
  var columns: Int { slots.count }
  var mayBeUnknown: Bool { true }

  func read(_ rows: Range<Int>, into block: UnsafeMutablePointer<Double>) {
    for (index, row) in rows.enumerated() {
      for (column, slot) in slots.enumerated() {
        let isThere = row < inputs.rows && slot != nil
        block[index * columns + column] = isThere ? answers[inputs.record(row), slot!] : .nan
      }
    }
  }

  func place(row: Int, column: Int) -> String {
    guard row < inputs.rows, let slot = slots[column] else { return inputs.file.path }
    return answers.place(row: inputs.record(row), fileColumn: answers.columns[slot])
  }
}

extension CSVHeader {
  fileprivate func has(_ name: String) -> Bool { names.contains { $0.hasSameBytes(as: name) } }
}

extension SampleSource {
  /// New data, whose targets need not be there: every window and every sequence is a sample.
  static func unanswered(
    csv file: InputFile, _ specification: DataSpecification, _ classNames: inout [String]?, origin: String
  ) throws(Failure) -> SampleSource {
    let header = try CSVHeader(
      file, delimiter: specification.delimiterByte(), hasNames: specification.header)
    let features = try header.indices(of: specification.features, key: "data.features")
    let table = try CSVReader.read(header, columns: features, gaps: specification.gaps)
    let answers = try CSVAnswers(table, specification)
    let layout = try layout(table, specification)
    let labels = try specification.label == nil ? [] : answers.classes(&classNames, origin: origin)
    let shift = specification.shiftsTargets ? specification.allHorizons[0] : 0
    let values: any NumberTable =
      specification.shiftsTargets ? HorizonTable(base: answers, horizons: specification.allHorizons) : answers
    return SampleSource(
      path: file.path, inputs: CSVColumns(table: table, slots: Array(features.indices)),
      values: specification.label == nil ? values : nil, classes: Array(labels.dropFirst(shift)),
      layout: layout.rows, samples: layout.samples, record: { answers.record($0 + shift) })
  }

  private static func layout(
    _ table: CSVTable, _ specification: DataSpecification
  ) throws(Failure) -> (rows: SampleLayout, samples: Int) {
    if let group = specification.group {
      let starts = try table.sequences(by: table.header.index(of: group, key: "data.group"))
      return (
        .separate(starts: starts, targets: specification.perStep ? .eachRow : .lastRow), starts.count - 1
      )
    }
    let window = specification.window
    guard window <= table.rows else {
      throw table.file.failure(
        "data.window sees \(window) rows, and there are \(table.rows): give \(window - table.rows) more")
    }
    return (.windows(specification), table.rows - window + 1)
  }
}
