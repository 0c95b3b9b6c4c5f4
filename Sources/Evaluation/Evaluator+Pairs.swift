import Batches
import Collective
import Dataset
import Recurrent

extension Evaluator {
  /// Searches for the targets of all sources, which the ranks share, and counts what is right. Where a source has several
  /// targets in the set, all are right answers, and what was found is compared with the nearest.
  func addSearch(_ set: some PairedSet, to metrics: inout EvaluationMetrics) throws {
    let batch = Batch(set.shape, capacity: min(Self.batchSize, set.count))
    let questions = set.samplesBySource
    // Targets right from end to end, edits, tokens: whole numbers, whose sums are exact in any order.
    var counts = [0.0, 0, 0]
    for start in stride(
      from: communicator.rank * Self.batchSize, to: questions.count, by: communicator.size * Self.batchSize)
    {
      let part = questions[start..<min(start + Self.batchSize, questions.count)]
      set.gather(part.map { Int32($0[0]) }, into: batch)
      for (samples, answer) in zip(part, search(batch)) {
        let targets = samples.map { set.target(of: $0) }
        let distances = targets.map { levenshteinDistance(answer.found, $0) }
        let nearest = distances.indices.min { distances[$0] < distances[$1] }!
        counts[0] += distances[nearest] == 0 ? 1 : 0
        counts[1] += Double(distances[nearest])
        counts[2] += Double(targets[nearest].count)
      }
    }
    try counts.withUnsafeMutableBufferPointer { try communicator.allReduceSum($0) }
    metrics.sequenceAccuracy = counts[0] / Double(questions.count)
    metrics.errorRate = counts[1] / counts[2]
  }

  /// Gives what a search finds for each sample in order, on this rank alone.
  public func translate(
    _ set: some PairedSet, _ body: (_ sample: Int, _ found: [Int32]) throws -> Void
  ) throws {
    let batch = Batch(set.shape, capacity: min(Self.batchSize, set.count))
    for start in stride(from: 0, to: set.count, by: Self.batchSize) {
      let samples = start..<min(start + Self.batchSize, set.count)
      set.gather(samples.map { Int32($0) }, into: batch)
      for (sample, found) in search(batch) { try body(sample, found) }
    }
  }

  /// The targets found for a gathered batch, by sample.
  private func search(_ batch: Batch) -> [(sample: Int, found: [Int32])] {
    guard let source = batch.source else { return [] }
    // Far longer than any right target: a network that has learned nothing may never end.
    let found = model.search(source, end: endOfTarget, beam: beam) { 2 * $0 + 10 }
    return found.enumerated().map { (Int(source.numbers[$0]), $1) }.sorted { $0.sample < $1.sample }
  }
}

extension PairedSet {
  /// The samples of each source, in the order of the first of each.
  fileprivate var samplesBySource: [[Int]] {
    var numbers: [[Int32]: Int] = [:]
    var groups: [[Int]] = []
    for sample in 0..<count {
      let source = source(of: sample)
      if let number = numbers[source] {
        groups[number].append(sample)
      } else {
        numbers[source] = groups.count
        groups.append([sample])
      }
    }
    return groups
  }
}

/// The fewest insertions, deletions and replacements that turn one sequence into the other (Levenshtein).
package func levenshteinDistance(_ a: [Int32], _ b: [Int32]) -> Int {
  var row = Array(0...b.count)
  for (i, token) in a.enumerated() {
    var corner = row[0]
    row[0] = i + 1
    for (j, other) in b.enumerated() {
      let replaced = corner + (token == other ? 0 : 1)
      corner = row[j + 1]
      row[j + 1] = min(replaced, corner + 1, row[j] + 1)
    }
  }
  return row[b.count]
}
