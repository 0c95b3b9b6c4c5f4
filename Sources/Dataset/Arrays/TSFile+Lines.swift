import Diagnostics
import Files

/// The `.ts` format proper.
extension TSFile {
  typealias FieldBytes = Slice<UnsafeBufferPointer<UInt8>>

  mutating func readLines() throws(Failure) {
    let header = try file.withText { (text) throws(Failure) in
      var header = TSHeader()
      try DecimalTables.with { (decimal) throws(Failure) in
        var lines = TSLines(text)
        while let line = lines.next(inHeader: !header.isComplete) {
          if header.isComplete {
            try read(line, TSContext(file: file, decimal: decimal), header)
          } else {
            try header.read(line, file, wanted)
          }
        }
      }
      return header
    }
    self.header = header
    guard header.isComplete else { throw file.failure("has no @data line") }
    guard samples > 0 else { throw file.failure("has no samples after @data") }
    if let declared = header.dimensions, declared != dimensions {
      throw file.failure("declares @dimensions \(declared), its samples have \(dimensions)")
    }
    let layout = SampleLayout.separate(starts: starts)
    if let declared = header.seriesLength, layout.starts == nil, declared != layout.steps {
      throw file.failure("declares @seriesLength \(declared), its series have \(layout.steps) values")
    }
  }

  private mutating func read(_ line: TSLines.Line, _ context: TSContext, _ header: TSHeader) throws(Failure) {
    if header.hasTimeStamps { try requireParentheses(line, context) }
    var fields = Self.fields(of: line.bytes, header)
    var target: FieldBytes?
    if hasTarget(fields.count, header) { target = fields.removeLast() }
    guard !fields.isEmpty else {
      throw context.failure(line, "has no ':' between the values and the class label")
    }
    let steps = try length(fields, line, context, header)
    let base = values.count
    values.append(contentsOf: repeatElement(0, count: steps * dimensions))
    var stamps: [FieldBytes] = []
    for (dimension, field) in fields.enumerated() {
      let entries = Self.entries(of: field, header)
      for (step, text) in entries.values.enumerated() {
        values[base + step * dimensions + dimension] = try context.number(
          text, line, "dimension \(dimension + 1), value \(step + 1)")
      }
      if dimension == 0 { stamps = entries.stamps }
      guard stamps.elementsEqual(entries.stamps, by: { $0.elementsEqual($1) }) else {
        throw context.failure(
          line,
          "dimension \(dimension + 1) has other time stamps than dimension 1; give all dimensions the same")
      }
    }
    try requireOrder(stamps, line, context)
    try readTarget(target, line, context, header)
    endSample(steps: steps, line: line.number)
  }

  /// Whether the last of so many fields is a class or a target value.
  private func hasTarget(_ fields: Int, _ header: TSHeader) -> Bool {
    guard wanted != .all else { return true }
    if !header.hasTargetValues && header.classNames.isEmpty { return false }
    return fields != header.dimensions ?? (samples == 0 ? 1 : dimensions)
  }

  /// The steps of a sample. Its first dimension fixes them, and the first sample the number of dimensions.
  private mutating func length(
    _ fields: [FieldBytes], _ line: TSLines.Line, _ context: TSContext, _ header: TSHeader
  ) throws(Failure) -> Int {
    if samples == 0 { dimensions = fields.count }
    guard fields.count == dimensions else {
      throw context.failure(line, "has \(fields.count) dimensions, the first sample has \(dimensions)")
    }
    var steps = 0
    for (dimension, field) in fields.enumerated() {
      let count =
        header.hasTimeStamps
        ? field.count { $0 == Self.opening } : field.reduce(1) { $0 + ($1 == comma ? 1 : 0) }
      if header.hasTimeStamps { try requireEntries(field, count, dimension, line, context) }
      if dimension == 0 { steps = count }
      if count == steps { continue }
      throw context.failure(
        line, "dimension \(dimension + 1) has \(count) values, its first dimension has \(steps)")
    }
    if header.declaresEqualLength, samples > 0, steps != starts[1] {
      throw context.failure(
        line, "has \(steps) values, the first series has \(starts[1]); the header says @equalLength true")
    }
    return steps
  }

  private mutating func readTarget(
    _ field: FieldBytes?, _ line: TSLines.Line, _ context: TSContext, _ header: TSHeader
  ) throws(Failure) {
    let text = field.map(trimmed)
    // A file of classes says nothing about values, nor one of values about classes.
    let isOfKind = hasTargetValues(header) ? header.hasTargetValues : !header.classNames.isEmpty
    let isUnknown = mayBeUnknown && (!isOfKind || text.map(TSContext.isMissing) ?? true)
    if hasTargetValues(header) {
      let value = isUnknown ? .nan : try context.number(text!, line, "target")
      guard isUnknown || !value.isNaN else { throw context.failure(line, "the target is missing") }
      targets.append(value)
      return
    }
    let name = String(decoding: text ?? line.bytes[0..<0], as: UTF8.self)
    guard let number = header.classNumbers[Name(name)] ?? (isUnknown ? -1 : nil) else {
      let list = header.classNames.prefix(12).map { quoted($0) }.joined(separator: ", ")
      throw context.failure(line, "class label \(quoted(name)) is not in @classLabel: \(list)")
    }
    classes.append(number)
  }
}

/// Values with time stamps: `(2020-01-01 00:00:00,1.5),(2020-01-02 00:00:00,?)`.
extension TSFile {
  private static let opening = UInt8(ascii: "(")
  private static let closing = UInt8(ascii: ")")

  /// The parts of a line between colons; those of a time of day stand in parentheses.
  private static func fields(of line: UnsafeBufferPointer<UInt8>, _ header: TSHeader) -> [FieldBytes] {
    guard header.hasTimeStamps else { return line.split(separator: colon, omittingEmptySubsequences: false) }
    var depth = 0
    return line.split(omittingEmptySubsequences: false) { byte in
      depth += byte == opening ? 1 : byte == closing ? -1 : 0
      return byte == colon && depth == 0
    }
  }

  /// The values of a dimension, and their time stamps where it has some.
  private static func entries(of field: FieldBytes, _ header: TSHeader) -> (
    values: [FieldBytes], stamps: [FieldBytes]
  ) {
    guard header.hasTimeStamps else {
      return (field.split(separator: comma, omittingEmptySubsequences: false), [])
    }
    var (values, stamps): ([FieldBytes], [FieldBytes]) = ([], [])
    for part in field.split(separator: closing) {
      guard let start = part.firstIndex(of: opening), let cut = part.lastIndex(of: comma), start < cut else {
        continue
      }
      stamps.append(trimmed(part[(start + 1)..<cut]))
      values.append(part[(cut + 1)...])
    }
    return (values, stamps)
  }

  /// Each that opens closes, and none opens in another.
  private func requireParentheses(_ line: TSLines.Line, _ context: TSContext) throws(Failure) {
    var depth = 0
    for byte in line.bytes {
      depth += byte == Self.opening ? 1 : byte == Self.closing ? -1 : 0
      if !(0...1).contains(depth) { break }
    }
    guard depth == 0 else {
      throw context.failure(
        line, "needs values as (time stamp,value), since the header says @timestamps true")
    }
  }

  /// Nothing but commas stands between parentheses, and a comma in each.
  private func requireEntries(
    _ field: FieldBytes, _ count: Int, _ dimension: Int, _ line: TSLines.Line, _ context: TSContext
  ) throws(Failure) {
    let parts = field.split(separator: Self.closing).filter { !trimmed($0).isEmpty }
    let areRight = parts.allSatisfy { part in
      guard let start = part.firstIndex(of: Self.opening), let cut = part.lastIndex(of: comma) else {
        return false
      }
      return start < cut && part[..<start].allSatisfy { $0 == comma || $0 == space || $0 == tab }
    }
    guard areRight, count > 0, parts.count == count else {
      throw context.failure(
        line,
        "dimension \(dimension + 1) needs values as (time stamp,value), since the header says @timestamps true"
      )
    }
  }

  /// Time goes on from value to value, where the stamps are numbers or of one length.
  private func requireOrder(_ stamps: [FieldBytes], _ line: TSLines.Line, _ context: TSContext)
    throws(Failure)
  {
    for (step, (before, after)) in zip(stamps, stamps.dropFirst()).enumerated() {
      let texts = [before, after].map { String(decoding: $0, as: UTF8.self) }
      let numbers = texts.compactMap { Double($0) }
      let isRight =
        numbers.count == 2
        ? numbers[0] < numbers[1]
        : before.count != after.count || before.lexicographicallyPrecedes(after)
      guard isRight else {
        throw context.failure(
          line,
          "value \(step + 2): its time stamp \(quoted(texts[1])) does not follow \(quoted(texts[0])); sort the values"
        )
      }
    }
  }
}
