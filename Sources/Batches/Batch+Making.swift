/// Batches of a program's own numbers.
extension Batch {
  /// Samples of equal length, each input from its step, sample and feature.
  public convenience init(
    steps: Int, samples: Int, features: Int = 1,
    _ input: (_ step: Int, _ sample: Int, _ feature: Int) throws -> Float
  ) rethrows {
    self.init(lengths: [Int32](repeating: Int32(steps), count: samples), features: features)
    for index in inputs.indices {
      let row = index / features
      inputs[index] = try input(row / samples, row % samples, index % features)
    }
  }

  /// Sequences of numbers, of any lengths, each `[T, features]` (batch first).
  public convenience init(_ sequences: [[Float]], features: Int) {
    for sequence in sequences {
      precondition(
        !sequence.isEmpty && sequence.count % features == 0,
        "a sequence is [T, \(features)], not \(sequence.count) numbers")
    }
    self.init(lengths: sequences.map { Int32($0.count / features) }, features: features)
    rows.forEachRow { row, place, step in
      let sequence = sequences[Int(numbers[place])]
      for feature in 0..<features {
        inputs[row * features + feature] = sequence[step * features + feature]
      }
    }
  }

  /// Sequences of numbers beside the codes of categorical columns, of any lengths.
  /// - sequences: each `[T, features]`. codes: of each `[T, C]`.
  /// - categories: of each column how many there are, numbered from 0.
  public convenience init(_ sequences: [[Float]], features: Int, codes: [[Int32]], categories: [Int]) {
    let columns = categories.count
    precondition(sequences.count == codes.count, "each sequence has its codes")
    for (sequence, codes) in zip(sequences, codes) {
      precondition(
        !codes.isEmpty && codes.count % columns == 0
          && sequence.count == codes.count / columns * features,
        "codes are [T, \(columns)] beside [T, \(features)], not \(codes.count) beside \(sequence.count)")
    }
    self.init(
      lengths: codes.map { Int32($0.count / columns) }, features: features, categories: categories)
    rows.forEachRow { row, place, step in
      let (sequence, codes) = (sequences[Int(numbers[place])], codes[Int(numbers[place])])
      for feature in 0..<features {
        inputs[row * features + feature] = sequence[step * features + feature]
      }
      for column in 0..<columns { self.categories![row * columns + column] = codes[step * columns + column] }
    }
  }

  /// Sequences of tokens, of any lengths.
  /// - vocabulary: how many tokens there are, numbered from 0.
  public convenience init(_ sequences: [[Int32]], vocabulary: Int) {
    precondition(sequences.allSatisfy { !$0.isEmpty }, "a sequence has a token at least")
    self.init(lengths: sequences.map { Int32($0.count) }, vocabulary: vocabulary)
    rows.forEachRow { row, place, step in tokens![row] = sequences[Int(numbers[place])][step] }
  }

  /// The same with a target of `width` numbers for each sample, `[B, width]`; NaN where nobody knows it.
  public func targets(_ targets: [Float], width: Int = 1) -> Batch {
    precondition(
      targets.count == count * width, "targets are [\(count), \(width)], not \(targets.count) numbers")
    setTargets(.values(width: width), perStep: false, unknown: targets.contains(where: \.isNaN))
    for index in targets.indices {
      values[Int(places[index / width]) * width + index % width] = targets[index]
    }
    return self
  }

  /// The same with a class for each sample, `[B]`; -1 where nobody knows it.
  /// - count: of classes there are.
  public func targets(classes targets: [Int32], of count: Int) -> Batch {
    precondition(targets.count == self.count, "targets are [\(self.count)], not \(targets.count) classes")
    setTargets(.classes(count: count), perStep: false, unknown: targets.contains(-1))
    for (asked, target) in targets.enumerated() { classes[Int(places[asked])] = target }
    return self
  }

  /// The same with `width` numbers for each step of each sample, sample after sample.
  public func targetsPerStep(_ targets: [Float], width: Int = 1) -> Batch {
    precondition(
      targets.count == rows.count * width,
      "targets are [\(rows.count), \(width)], not \(targets.count) numbers")
    setTargets(.values(width: width), perStep: true, unknown: targets.contains(where: \.isNaN))
    var from = 0
    forEachTargetRowInOrder { row in
      for column in 0..<width { values[row * width + column] = targets[from + column] }
      from += width
    }
    return self
  }

  /// The same with a class for each step of each sample, sample after sample.
  public func targetsPerStep(classes targets: [Int32], of count: Int) -> Batch {
    precondition(targets.count == rows.count, "targets are [\(rows.count)], not \(targets.count) classes")
    setTargets(.classes(count: count), perStep: true, unknown: targets.contains(-1))
    var from = 0
    forEachTargetRowInOrder { row in
      classes[row] = targets[from]
      from += 1
    }
    return self
  }

  /// The same with how much each sample's target counts, or each step's, sample after sample; after the targets are set.
  public func weighted(_ numbers: [Float]) -> Batch {
    precondition(numbers.count == targetRows, "weights are [\(targetRows)], not \(numbers.count) numbers")
    let memory = makeWeights()
    var from = 0
    forEachTargetRowInOrder { row in
      memory[row] = numbers[from]
      from += 1
    }
    return self
  }
}

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
