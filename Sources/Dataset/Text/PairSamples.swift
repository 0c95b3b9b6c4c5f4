import Batches
import Diagnostics
import Files

extension LoadedData {
  /// - names, sourceNames: the vocabularies of a checkpoint: the targets' tokens, the sources'.
  init(
    pairs specification: DataSpecification, _ names: [String]?, _ sourceNames: [String]?
  ) throws(Failure) {
    var files: [PairFile] = []
    for (key, path) in [
      ("path", specification.path), ("validation_path", specification.validationPath),
      ("test_path", specification.testPath),
    ] {
      guard let path else { continue }
      files.append(try PairFile(specification.open(path, key: "data.\(key)"), specification))
    }
    let (kind, targetKind) = (specification.tokens, specification.targetTokens ?? specification.tokens)
    let source =
      sourceNames.map { Vocabulary(kind, names: $0) }
      ?? Vocabulary(kind, of: files.map(\.sources.counts), minCount: specification.minCount)
    let target =
      names.map { Vocabulary(targetKind, names: $0) }
      ?? Vocabulary(
        targetKind,
        names: [Vocabulary.endOfLine]
          + Vocabulary(targetKind, of: files.map(\.targets.counts), minCount: specification.minCount).names)
    if specification.areTargetsOptional {
      for index in files.indices { files[index].leaveOutUnknown(source) }
    }
    var encoded: [(sources: TokenSequences, targets: TokenSequences)] = []
    for file in files {
      encoded.append(
        (
          try file.encode(\.sources, source),
          try file.encode(\.targets, target, isOptional: specification.areTargetsOptional)
        ))
    }
    unanswered = files[0].unanswered
    var shape = SampleShape(
      steps: 1 + (encoded.map(\.targets.longest).max() ?? 0), features: 0,
      target: .classes(count: target.count))
    (shape.hasTargetPerStep, shape.hasEqualLengths) = (true, false)
    shape.vocabulary = source.count
    shape.sourceSteps = encoded.map(\.sources.longest).max()

    let partition =
      try encoded[0].sources.count == 0 && !unanswered.isEmpty
      ? nil : Partition(specification.split, of: encoded[0].sources.count, file: specification.path)
    func set(_ index: Int, _ range: Range<Int>?) -> PairSet? {
      range.map {
        PairSet(
          shape: shape, sources: encoded[index].sources, targets: encoded[index].targets, range: $0)
      }
    }
    func whole(_ index: Int) -> PairSet? { set(index, 0..<encoded[index].sources.count) }
    train = set(0, partition?.train)
    validation = specification.validationPath == nil ? set(0, partition?.validation) : whole(1)
    test = specification.testPath == nil ? set(0, partition?.test) : whole(files.count - 1)
    self.shape = shape
    scaler = nil
    featureNames = []
    targetNames = []
    classNames = target.names
    vocabulary = source.names
    fingerprint = try Self.fingerprint(files.map(\.file))
    rows = nil
    unused = partition?.unused(of: encoded[0].sources.count) ?? 0
  }
}

/// A file of pairs: on each line a source, a tab and a target.
struct PairFile {
  /// One side: the tokens of each line by name.
  struct Side {
    var lines: [[String]] = []
    var counts: [Name: Int] {
      lines.joined().reduce(into: [:]) { $0[Name($1), default: 0] += 1 }
    }
  }

  let file: InputFile
  private(set) var sources = Side()
  private(set) var targets = Side()
  /// The line of each pair, from 1.
  private var numbers: [Int] = []
  private(set) var unanswered: [UnansweredLine] = []

  init(_ file: InputFile, _ specification: DataSpecification) throws(Failure) {
    self.file = file
    let isOptional = specification.areTargetsOptional
    let targetTokens = specification.targetTokens ?? specification.tokens
    try file.forEachLine { (line, number) throws(Failure) in
      if line.isEmpty, !isOptional { return }
      let fields = line.parts(separatedBy: tab)
      guard fields.count == 2 || fields.count == 1 && isOptional else {
        throw .badData(
          "\(file.location(line: number)): needs a source, one tab and a target, but has \(fields.count - 1) tabs"
        )
      }
      let source = Self.tokens(fields[0], specification.tokens)
      let target = fields.count == 1 ? [] : Self.tokens(fields[1], targetTokens)
      if source.isEmpty, isOptional {
        let text = String(decoding: fields[0], as: UTF8.self)
        unanswered.append(UnansweredLine(line: number, samplesBefore: numbers.count, source: text))
        return
      }
      for (name, side) in [("source", source)] + (isOptional ? [] : [("target", target)]) where side.isEmpty {
        throw .badData("\(file.location(line: number)): the \(name) is empty")
      }
      sources.lines.append(source)
      targets.lines.append(target)
      numbers.append(number)
    }
    if numbers.isEmpty, unanswered.isEmpty { throw file.failure("has no pairs") }
  }

  private static func tokens(_ field: UnsafeBufferPointer<UInt8>, _ kind: DataSpecification.Tokens)
    -> [String]
  {
    switch kind {
    case .word:
      field.parts(separatedBy: space, keepingEmpty: false).map { String(decoding: $0, as: UTF8.self) }
    case .char, .byte:
      String(decoding: field, as: UTF8.self).unicodeScalars.map { String($0) }
    }
  }

  /// Takes out the pairs whose source has a token that is not known, so that the lines of other pairs can be answered.
  mutating func leaveOutUnknown(_ vocabulary: Vocabulary) {
    var kept = (sources: [[String]](), targets: [[String]](), numbers: [Int]())
    var left: [UnansweredLine] = []
    var empty = unanswered[...]
    for (index, source) in sources.lines.enumerated() {
      while let line = empty.first, line.line < numbers[index] {
        left.append(UnansweredLine(line: line.line, samplesBefore: kept.numbers.count, source: line.source))
        empty = empty.dropFirst()
      }
      if let token = source.first(where: { vocabulary.number($0) == nil }) {
        var line = UnansweredLine(
          line: numbers[index], samplesBefore: kept.numbers.count, source: vocabulary.joined(source))
        line.unknown = token
        left.append(line)
        continue
      }
      kept.sources.append(source)
      kept.targets.append(targets.lines[index])
      kept.numbers.append(numbers[index])
    }
    for line in empty {
      left.append(UnansweredLine(line: line.line, samplesBefore: kept.numbers.count, source: line.source))
    }
    (sources.lines, targets.lines, numbers) = kept
    unanswered = left
  }

  /// - isOptional: whether a sequence with a token that is not known is left empty.
  func encode(
    _ side: KeyPath<PairFile, Side>, _ vocabulary: Vocabulary, isOptional: Bool = false
  ) throws(Failure) -> TokenSequences {
    var sequences = TokenSequences()
    for (line, names) in self[keyPath: side].lines.enumerated() {
      var tokens: [Int32] = []
      for name in names {
        guard let token = vocabulary.number(name) else {
          if isOptional {
            tokens = []
            break
          }
          throw .badData(
            "\(file.location(line: numbers[line])): \(quoted(name)) is not among the \(vocabulary.count) known tokens"
          )
        }
        tokens.append(token)
      }
      sequences.append(tokens)
    }
    return sequences
  }
}
