import Batches
import Diagnostics
import Files

extension LoadedData {
  /// - tagNames, vocabulary: of a checkpoint.
  init(
    tagged specification: DataSpecification, _ tagNames: [String]?, _ vocabulary: [String]?
  ) throws(Failure) {
    func read(_ path: String, _ key: String) throws(Failure) -> TaggedText {
      try TaggedText(
        specification.open(path, key: "data.\(key)"), tokenColumn: specification.tokenColumn,
        tagColumn: specification.tagColumn, areTagsOptional: specification.areTargetsOptional)
    }
    let main = try read(specification.path, "path")
    let partition = try Partition(specification.split, of: main.sentences, file: main.file.path)
    var sources = [(main, [partition.train, partition.validation, partition.test])]
    if let path = specification.validationPath {
      let text = try read(path, "validation_path")
      sources.append((text, [nil, 0..<text.sentences, nil]))
    }
    if let path = specification.testPath {
      let text = try read(path, "test_path")
      sources.append((text, [nil, nil, 0..<text.sentences]))
    }
    // What is only in the other parts is unknown to a network that never saw it.
    let seen = main.starts[(partition.train ?? 0..<main.sentences).upperBound]
    let words =
      vocabulary
      ?? Vocabulary.learned(
        main.tokens[..<seen].reduce(into: [:]) { $0[Name($1), default: 0] += 1 }, specification)
    let tags = tagNames ?? sortedClassNames(Set(sources.flatMap { $0.0.tags.map { Name($0) } }).map(\.text))
    var shape = SampleShape(
      steps: sources.flatMap { lengths($0.0) }.max() ?? 0, features: 0, target: .classes(count: tags.count))
    (shape.hasTargetPerStep, shape.hasEqualLengths, shape.vocabulary) = (true, false, words.count)

    var parts: [TokenSet?] = [nil, nil, nil]
    for (text, ranges) in sources {
      let (tokens, labels) = try text.encoded(
        words, tags, areTagsOptional: specification.areTargetsOptional)
      for (part, range) in ranges.enumerated() where range != nil {
        parts[part] = TokenSet(
          shape: shape, tokens: tokens, targets: .tags(labels), starts: text.starts, samples: range!)
      }
    }
    (train, validation, test) = (parts[0], parts[1], parts[2])
    self.shape = shape
    scaler = nil
    featureNames = []
    targetNames = []
    classNames = tags
    self.vocabulary = words
    fingerprint = try Self.fingerprint(sources.map(\.0.file))
    rows = nil
    unused = partition.unused(of: main.sentences)
  }
}

private func lengths(_ text: TaggedText) -> [Int] {
  zip(text.starts, text.starts.dropFirst()).map { $1 - $0 }
}

extension TaggedText {
  /// Tokens and tags as numbers; a token that is not among `words` is number 0.
  /// - areTagsOptional: whether a tag that is missing, `?` or `_` is -1.
  fileprivate func encoded(
    _ words: [String], _ names: [String], areTagsOptional: Bool
  ) throws(Failure) -> ([Int32], [Int32]) {
    let (numbers, classes) = (Name.numbers(words), Name.numbers(names))
    var labels: [Int32] = []
    labels.reserveCapacity(tags.count)
    for (token, tag) in zip(tokens, tags) {
      let isUnknown = areTagsOptional && ["", "?", "_"].contains { tag.hasSameBytes(as: $0) }
      guard let label = classes[Name(tag)] ?? (isUnknown ? -1 : nil) else {
        throw file.failure(
          "tag \(quoted(String(tag))) of \(quoted(String(token))) is not among the \(names.count) known tags")
      }
      labels.append(label)
    }
    return (tokens.map { numbers[Name($0)] ?? 0 }, labels)
  }
}
