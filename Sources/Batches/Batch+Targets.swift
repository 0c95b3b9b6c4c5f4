import Diagnostics

/// What a program's own batch is to predict. What does not fit throws `badData`.
extension Batch {
  /// The same with a target of `width` numbers for each sample; NaN where nobody knows it.
  /// - targets: `[B, width]`
  public func targets(_ targets: [Float], width: Int = 1) throws(Failure) -> Batch {
    guard width > 0, targets.count == count * width else {
      throw .badData("targets are [\(count), \(width)], not \(targets.count) numbers")
    }
    setTargets(.values(width: width), perStep: false, unknown: targets.contains(where: \.isNaN))
    for index in targets.indices {
      values[Int(unsortedIndices[index / width]) * width + index % width] = targets[index]
    }
    return self
  }

  /// The same with a class for each sample; below 0 where nobody knows it.
  /// - targets: `[B]`
  /// - count: of classes there are.
  public func targets(classes targets: [Int32], of count: Int) throws(Failure) -> Batch {
    try requireClasses(targets, of: count, rows: self.count)
    setTargets(.classes(count: count), perStep: false, unknown: targets.contains { $0 < 0 })
    for (asked, target) in targets.enumerated() { classes[Int(unsortedIndices[asked])] = target }
    return self
  }

  /// The same with `width` numbers for each step of each sample, sample after sample.
  public func targetsPerStep(_ targets: [Float], width: Int = 1) throws(Failure) -> Batch {
    guard width > 0, targets.count == rows.count * width else {
      throw .badData("targets are [\(rows.count), \(width)], not \(targets.count) numbers")
    }
    setTargets(.values(width: width), perStep: true, unknown: targets.contains(where: \.isNaN))
    var from = 0
    forEachTargetRowInOrder { row in
      for column in 0..<width { values[row * width + column] = targets[from + column] }
      from += width
    }
    return self
  }

  /// The same with a class for each step of each sample, sample after sample.
  public func targetsPerStep(classes targets: [Int32], of count: Int) throws(Failure) -> Batch {
    try requireClasses(targets, of: count, rows: rows.count)
    setTargets(.classes(count: count), perStep: true, unknown: targets.contains { $0 < 0 })
    var from = 0
    forEachTargetRowInOrder { row in
      classes[row] = targets[from]
      from += 1
    }
    return self
  }

  /// The same with how much each sample's target counts, or each step's, sample after sample; after the targets are set.
  public func weighted(_ numbers: [Float]) throws(Failure) -> Batch {
    guard numbers.count == targetRows else {
      throw .badData("weights are [\(targetRows)], not \(numbers.count) numbers")
    }
    let memory = makeWeights()
    var from = 0
    forEachTargetRowInOrder { row in
      memory[row] = numbers[from]
      from += 1
    }
    return self
  }

  private func requireClasses(_ targets: [Int32], of count: Int, rows: Int) throws(Failure) {
    guard targets.count == rows else {
      throw .badData("targets are [\(rows)], not \(targets.count) classes")
    }
    if let row = targets.firstIndex(where: { $0 >= count }) {
      throw .badData("target \(row): class \(targets[row]) is not in 0..<\(count)")
    }
  }
}
