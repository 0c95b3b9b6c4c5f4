import Diagnostics

/// Batches of a program's own numbers, batch first. What does not fit throws `badData`.
extension Batch {
  /// Samples of equal length, each input from its step, sample and feature.
  public convenience init(
    steps: Int, samples: Int, features: Int = 1,
    _ input: (_ step: Int, _ sample: Int, _ feature: Int) throws -> Float
  ) throws {
    guard steps > 0, samples > 0, features > 0 else {
      throw Failure.badData(
        "a batch has steps, samples and features, not \(steps), \(samples) and \(features) of them")
    }
    self.init(lengths: [Int32](repeating: Int32(steps), count: samples), features: features)
    for index in inputs.indices {
      let row = index / features
      inputs[index] = try input(row / samples, row % samples, index % features)
    }
  }

  /// Samples of equal length.
  /// - inputs: `[B, T, F]`, as PyTorch's `batch_first=True`.
  public convenience init(_ inputs: Tensor) throws(Failure) {
    guard inputs.shape.count == 3, inputs.count > 0 else {
      throw .badData("inputs are [B, T, F], not \(inputs.shape)")
    }
    let (samples, steps, features) = (inputs.shape[0], inputs.shape[1], inputs.shape[2])
    self.init(lengths: [Int32](repeating: Int32(steps), count: samples), features: features)
    rows.forEachRow { row, place, step in
      for feature in 0..<features {
        self.inputs[row * features + feature] = inputs.values[(place * steps + step) * features + feature]
      }
    }
  }

  /// Sequences of numbers, of any lengths.
  /// - sequences: each `[T, features]`.
  public convenience init(_ sequences: [[Float]], features: Int) throws(Failure) {
    for (sample, sequence) in sequences.enumerated() {
      guard features > 0, !sequence.isEmpty, sequence.count % features == 0 else {
        throw .badData("sequence \(sample) is [T, \(features)], not \(sequence.count) numbers")
      }
    }
    self.init(lengths: sequences.map { Int32($0.count / features) }, features: features)
    fill(sequences, features)
  }

  /// Sequences of numbers beside the codes of categorical columns, of any lengths.
  /// - sequences: each `[T, features]`.
  /// - codes: of each `[T, C]`.
  /// - categories: of each column how many there are, numbered from 0.
  public convenience init(_ sequences: [[Float]], features: Int, codes: [[Int32]], categories: [Int])
    throws(Failure)
  {
    let columns = categories.count
    guard sequences.count == codes.count, columns > 0, features >= 0 else {
      throw .badData(
        "\(sequences.count) sequences have \(codes.count) lists of codes, of \(columns) columns")
    }
    for sample in codes.indices {
      let (numbers, codes) = (sequences[sample].count, codes[sample])
      guard !codes.isEmpty, codes.count % columns == 0, numbers == codes.count / columns * features else {
        throw .badData(
          "sequence \(sample) has codes [T, \(columns)] beside [T, \(features)], not \(codes.count) beside \(numbers)"
        )
      }
      for (index, code) in codes.enumerated() where code < 0 || code >= categories[index % columns] {
        throw .badData(
          "sequence \(sample), step \(index / columns): code \(code) of column \(index % columns) is not in 0..<\(categories[index % columns])"
        )
      }
    }
    self.init(
      lengths: codes.map { Int32($0.count / columns) }, features: features, categories: categories)
    fill(sequences, features)
    rows.forEachRow { row, place, step in
      let codes = codes[Int(numbers[place])]
      for column in 0..<columns { self.categories![row * columns + column] = codes[step * columns + column] }
    }
  }

  /// Sequences of tokens, of any lengths.
  /// - vocabulary: how many tokens there are, numbered from 0.
  public convenience init(_ sequences: [[Int32]], vocabulary: Int) throws(Failure) {
    for (sample, sequence) in sequences.enumerated() {
      guard !sequence.isEmpty else { throw .badData("sequence \(sample) has no token") }
      if let step = sequence.firstIndex(where: { $0 < 0 || $0 >= vocabulary }) {
        throw .badData(
          "sequence \(sample), step \(step): token \(sequence[step]) is not in 0..<\(vocabulary)")
      }
    }
    self.init(lengths: sequences.map { Int32($0.count) }, vocabulary: vocabulary)
    rows.forEachRow { row, place, step in tokens![row] = sequences[Int(numbers[place])][step] }
  }

  /// - sequences: by the number of the sample, each `[T, features]`.
  private func fill(_ sequences: [[Float]], _ features: Int) {
    rows.forEachRow { row, place, step in
      let sequence = sequences[Int(numbers[place])]
      for feature in 0..<features {
        inputs[row * features + feature] = sequence[step * features + feature]
      }
    }
  }
}
