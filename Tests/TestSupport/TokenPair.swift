import Batches

/// A source and a target of tokens.
package struct TokenPair: Sendable {
  package var source: [Int32]
  /// What is to be predicted; token 0 comes before it.
  package var target: [Int32]

  package init(source: [Int32], target: [Int32]) { (self.source, self.target) = (source, target) }
}

extension Batch {
  /// Pairs whose targets end with the token that begins them.
  package convenience init(_ pairs: [TokenPair]) {
    let longest = (pairs.map(\.source.count).max() ?? 0, pairs.map(\.target.count).max() ?? 0)
    var shape = SampleShape(steps: longest.1, features: 1, target: .classes(count: 100))
    (shape.hasEqualLengths, shape.hasTargetPerStep) = (false, true)
    (shape.vocabulary, shape.sourceSteps) = (100, longest.0)
    self.init(shape, capacity: pairs.count)
    pairs.indices.map { Int32($0) }.withUnsafeBufferPointer { samples in
      arrange(samples) { pairs[$0].target.count }
    }
    source!.arrange(UnsafeBufferPointer(start: numbers, count: pairs.count)) { pairs[$0].source.count }
    rows.forEachRow { row, place, step in
      let target = pairs[Int(numbers[place])].target
      (tokens![row], classes[row]) = (step == 0 ? 0 : target[step - 1], target[step])
    }
    source!.rows.forEachRow { row, place, step in
      source!.tokens![row] = pairs[Int(source!.numbers[place])].source[step]
    }
  }
}
