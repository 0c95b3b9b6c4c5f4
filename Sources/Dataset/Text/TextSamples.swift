import Batches
import Diagnostics
import Files

extension LoadedData {
  /// - names: the vocabulary of a checkpoint.
  init(text specification: DataSpecification, _ names: [String]?, _ group: LoadingGroup?) throws(Failure) {
    var texts: [any TokenSource] = []
    let paths =
      [("path", specification.path)]
      + [("validation_path", specification.validationPath), ("test_path", specification.testPath)]
      .compactMap { key, path in path.map { (key, $0) } }
    for (key, path) in paths {
      if PackIndex.isThere(in: path) {
        let file = try specification.open("\(path)/\(PackIndex.fileName)", key: "data.\(key)", group)
        texts.append(try PackedText(file, in: path, specification, group))
        continue
      }
      // The mark in front of a text is looked at first; pieces are read where they are needed.
      let file = try InputFile.open(specification, path, key: "data.\(key)", group, head: 16)
      texts.append(try TokenText(file, specification.tokens, group))
    }
    for text in texts where text.count == 0 { throw text.file.failure("is empty") }
    let vocabulary =
      names.map { Vocabulary(specification.tokens, names: $0) }
      ?? Vocabulary(
        specification.tokens, of: texts.map { $0.counts }, minCount: specification.minCount,
        size: specification.vocabulary)
    var shape = SampleShape(
      steps: specification.sequenceLength, features: 0, target: .classes(count: vocabulary.count))
    shape.hasTargetPerStep = true
    // The last windows are as long as the text allows.
    shape.hasEqualLengths = false
    shape.tokens = specification.tokens
    shape.vocabulary = vocabulary.count

    var parts: [TextSet?] = [nil, nil, nil]
    let partition = try Partition(specification.split, of: texts[0].count, file: texts[0].file.path)
    var sources = [(texts[0], [partition.train, partition.validation, partition.test])]
    var next = 1
    for (part, path) in [(1, specification.validationPath), (2, specification.testPath)] where path != nil {
      var ranges: [Range<Int>?] = [nil, nil, nil]
      ranges[part] = 0..<texts[next].count
      sources.append((texts[next], ranges))
      next += 1
    }
    let stays = try specification.exceedsMemory(
      TokenArray.bytes(of: vocabulary) * texts.reduce(0) { $0 + $1.count }, group)
    if stays, specification.memory != nil, let text = texts.first(where: { !($0 is PackedText) }) {
      throw text.file.failure(
        "its \(text.count) tokens take more than data.memory; recur pack \(ShellWords.quoted([text.file.path])) --tokens \(specification.tokens.rawValue) --out DIR makes shards of it, which need not fit if data.path names DIR"
      )
    }
    for (text, ranges) in sources {
      let stored = stays ? (text as? PackedText)?.stored(vocabulary) : nil
      let tokens: TokenArray = try stored == nil ? text.encoded(by: vocabulary) : .one(.own([]))
      for (part, range) in ranges.enumerated() {
        guard let range else { continue }
        guard range.count > 1 else {
          throw text.file.failure(
            "a part of \(range.count) token has nothing to predict; it needs two at least")
        }
        parts[part] = TextSet(shape: shape, tokens: tokens, stored: stored, range: range)
      }
    }
    (train, validation, test) = (parts[0], parts[1], parts[2])
    self.shape = shape
    scaler = nil
    featureNames = []
    targetNames = []
    classNames = vocabulary.names
    fingerprint = try Self.fingerprint(texts.map { $0.file }, group)
    rows = nil
    unused = partition.unused(of: texts[0].count)
  }
}
