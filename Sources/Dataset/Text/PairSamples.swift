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
      files.append(try PairFile(InputFile(path: path, key: "data.\(key)"), specification))
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
    var encoded: [(sources: TokenSequences, targets: TokenSequences)] = []
    for file in files {
      encoded.append(
        (
          try file.encode(\.sources, source),
          try file.encode(\.targets, target, isOptional: specification.areTargetsOptional)
        ))
    }
    var shape = SampleShape(
      steps: 1 + (encoded.map(\.targets.longest).max() ?? 0), features: 0,
      target: .classes(count: target.count))
    (shape.hasTargetPerStep, shape.hasEqualLengths) = (true, false)
    shape.vocabulary = source.count
    shape.sourceSteps = encoded.map(\.sources.longest).max()

    let partition = try Partition(
      specification.split, of: encoded[0].sources.count, file: specification.path)
    func set(_ index: Int, _ range: Range<Int>?) -> PairSet? {
      range.map {
        PairSet(
          shape: shape, sources: encoded[index].sources, targets: encoded[index].targets, range: $0)
      }
    }
    func whole(_ index: Int) -> PairSet? { set(index, 0..<encoded[index].sources.count) }
    train = set(0, partition.train)
    validation = specification.validationPath == nil ? set(0, partition.validation) : whole(1)
    test = specification.testPath == nil ? set(0, partition.test) : whole(files.count - 1)
    self.shape = shape
    scaler = nil
    featureNames = []
    targetNames = []
    classNames = target.names
    vocabulary = source.names
    fingerprint = try Self.fingerprint(files.map(\.file))
    rows = nil
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

  init(_ file: InputFile, _ specification: DataSpecification) throws(Failure) {
    self.file = file
    guard let text = file.withBytes({ String(validating: $0, as: UTF8.self) }) else {
      throw file.failure("is not UTF-8 text")
    }
    let targetTokens = specification.targetTokens ?? specification.tokens
    for (index, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
      .enumerated()
    {
      if line.isEmpty { continue }
      var fields = line.split(separator: "\t", omittingEmptySubsequences: false)
      if fields.count == 1, specification.areTargetsOptional { fields.append("") }
      guard fields.count == 2 else {
        throw .badData(
          "\(file.path), line \(index + 1): needs a source, one tab and a target, but has \(fields.count - 1) tabs"
        )
      }
      let sides = [Self.tokens(fields[0], specification.tokens), Self.tokens(fields[1], targetTokens)]
      let wanted = specification.areTargetsOptional ? ["source"] : ["source", "target"]
      for (name, side) in zip(wanted, sides) where side.isEmpty {
        throw .badData("\(file.path), line \(index + 1): the \(name) is empty")
      }
      sources.lines.append(sides[0])
      targets.lines.append(sides[1])
      numbers.append(index + 1)
    }
    if numbers.isEmpty { throw file.failure("has no pairs") }
  }

  private static func tokens(_ field: Substring, _ kind: DataSpecification.Tokens) -> [String] {
    switch kind {
    case .word: field.split(separator: " ").map(String.init)
    case .char, .byte: field.unicodeScalars.map { String(Character($0)) }
    }
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
            "\(file.path), line \(numbers[line]): \(quoted(name)) is not among the \(vocabulary.count) known tokens"
          )
        }
        tokens.append(token)
      }
      sequences.append(tokens)
    }
    return sequences
  }
}
