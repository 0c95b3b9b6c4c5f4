import Dataset

extension LoadedData {
  /// Gathers batches of all parts, and checks what must hold of any data.
  func used() throws -> Int {
    var total = 0
    for part in [train, validation, test].compactMap({ $0 }) {
      try require(part.count >= 0 && part.shape == shape, "a part's shape is not that of the data")
      try part.gatherSome()
      try (part as? any PairedSet)?.gatherSomeSources(vocabulary.count)
      // As a run reads a text: side by side, in streams of one length and of nearly one.
      for isEven in [true, false] {
        guard let text = part as? any StreamedSet, text.pairs >= 3 else { continue }
        try text.arranged(inStreams: 3, isEven: isEven).gatherSome()
      }
      total += part.count
    }
    if let rows { try require(rows.count == total, "\(rows.count) rows for \(total) samples") }
    return total &* 31 &+ shape.steps &* 7 &+ shape.features
  }
}

extension SampleSet {
  /// The first, middle and last sample as one batch.
  fileprivate func gatherSome() throws {
    let some = Set([0, count / 2, count - 1]).filter { $0 >= 0 }.sorted {
      (length(of: $0), $1) > (length(of: $1), $0)
    }
    let rows = some.reduce(0) { $0 + length(of: $1) }
    let targets = shape.hasTargetPerStep ? rows : some.count
    var (width, classCount) = (0, 0)
    switch shape.target {
    case .values(let count): width = count
    case .classes(let count): classCount = count
    }
    // What a decoder reads are the targets before the one that is wanted.
    let vocabulary = self is any PairedSet ? classCount : shape.vocabulary ?? 0
    var inputs = [Float](repeating: .nan, count: rows * shape.features)
    var tokens = [Int32](repeating: -1, count: shape.vocabulary == nil ? 0 : rows)
    var values = [Float](repeating: .nan, count: width * targets)
    var classes = [Int32](repeating: -1, count: width == 0 ? targets : 0)
    inputs.withUnsafeMutableBufferPointer { inputs in
      tokens.withUnsafeMutableBufferPointer { tokens in
        values.withUnsafeMutableBufferPointer { values in
          classes.withUnsafeMutableBufferPointer { classes in
            let memory = BatchMemory(
              inputs: inputs.baseAddress!, tokens: tokens.baseAddress, values: values.baseAddress!,
              classes: classes.baseAddress!)
            some.map { Int32($0) }.withUnsafeBufferPointer { gather($0, into: memory) }
          }
        }
      }
    }
    try require(inputs.allSatisfy { $0.isFinite }, "an input is not finite")
    try require(values.allSatisfy { $0.isFinite }, "a target is not finite")
    try require(classes.allSatisfy { $0 >= 0 && Int($0) < classCount }, "a class is out of range")
    try require(tokens.allSatisfy { $0 >= 0 && Int($0) < vocabulary }, "a token is out of range")
  }
}

extension PairedSet {
  fileprivate func gatherSomeSources(_ vocabulary: Int) throws {
    let some = [0, count - 1].filter { $0 >= 0 }.sorted { sourceLength(of: $0) > sourceLength(of: $1) }
    var tokens = [Int32](repeating: -1, count: some.reduce(0) { $0 + sourceLength(of: $1) })
    tokens.withUnsafeMutableBufferPointer { tokens in
      some.map { Int32($0) }.withUnsafeBufferPointer { gatherSources($0, into: tokens.baseAddress!) }
    }
    try require(tokens.allSatisfy { $0 >= 0 && Int($0) < vocabulary }, "a source's token is out of range")
    for sample in some {
      let target = target(of: sample)
      try require(target.count + 1 == length(of: sample), "a target's length is not that of the sample")
      try require(source(of: sample).count == sourceLength(of: sample), "a source's length is another")
    }
  }
}
