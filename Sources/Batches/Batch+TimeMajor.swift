/// Batches of arrays that are laid out as engines read them.
extension Batch {
  /// - inputs: `[rows, features]`, step by step; or tokens `[rows]` with their vocabulary.
  /// - lengths: none more than the one before.
  /// - samples: `[B]`, from 0 if not given.
  /// - streams: `[B]`
  package convenience init(
    timeMajor inputs: [Float], features: Int, lengths: [Int32], samples: [Int32]? = nil,
    streams: [Int32]? = nil
  ) {
    self.init(lengths: lengths, features: features, samples: samples)
    precondition(inputs.count == rows.count * features)
    _ = self.inputs.update(fromContentsOf: inputs)
    if let streams { setStreams(streams) }
  }

  /// - inputs: `[rows, features]` beside codes `[rows, C]`.
  package convenience init(
    timeMajor inputs: [Float], features: Int, codes: [Int32], categories: [Int], lengths: [Int32],
    samples: [Int32]? = nil
  ) {
    self.init(lengths: lengths, features: features, categories: categories, samples: samples)
    precondition(inputs.count == rows.count * features && codes.count == rows.count * categories.count)
    _ = self.inputs.update(fromContentsOf: inputs)
    self.categories!.update(from: codes, count: codes.count)
  }

  /// - inputs: `[steps, B, features]`
  package convenience init(
    timeMajor inputs: [Float], features: Int, steps: Int, samples: [Int32]? = nil
  ) {
    let count = inputs.count / (steps * features)
    self.init(
      timeMajor: inputs, features: features, lengths: [Int32](repeating: Int32(steps), count: count),
      samples: samples)
  }

  package convenience init(
    timeMajor tokens: [Int32], vocabulary: Int, lengths: [Int32], samples: [Int32]? = nil,
    streams: [Int32]? = nil
  ) {
    self.init(lengths: lengths, vocabulary: vocabulary, samples: samples)
    precondition(tokens.count == rows.count)
    self.tokens!.update(from: tokens, count: tokens.count)
    if let streams { setStreams(streams) }
  }

  /// - values: `[rows, width]` as the samples lie.
  package func timeMajorTargets(_ targets: [Float], width: Int, perStep: Bool) -> Batch {
    setTargets(.values(width: width), perStep: perStep, unknown: targets.contains(where: \.isNaN))
    precondition(targets.count == targetRows * width)
    values.update(from: targets, count: targets.count)
    return self
  }

  package func timeMajorTargets(classes targets: [Int32], of count: Int, perStep: Bool) -> Batch {
    setTargets(.classes(count: count), perStep: perStep, unknown: targets.contains(-1))
    precondition(targets.count == targetRows)
    classes.update(from: targets, count: targets.count)
    return self
  }
}
