import Collective
import Dataset
import Recurrent

extension Evaluator {
  /// Loss and accuracy of each token given the right ones before it; then whether the targets that a search finds are right.
  func evaluate(pairs set: some PairedSet) throws -> EvaluationMetrics {
    let batches = (set.count + Self.batchSize - 1) / Self.batchSize
    let fields = EvaluationSums.fields(0)
    // The last three: targets right from end to end, edits, tokens.
    var all = [Double](repeating: 0, count: batches * (fields + 3))
    let buffer = BatchBuffer(set, capacity: min(Self.batchSize, set.count))
    for index in stride(from: communicator.rank, to: batches, by: communicator.size) {
      let samples = index * Self.batchSize..<min((index + 1) * Self.batchSize, set.count)
      samples.map { Int32($0) }.withUnsafeBufferPointer { buffer.gather($0) }
      let outputs = model.forward(buffer, mode: .evaluation)
      let at = index * (fields + 3)
      all.withUnsafeMutableBufferPointer { all in
        add(outputs, buffer, width: 0, to: UnsafeMutableBufferPointer(rebasing: all[at..<at + fields]))
      }
      for (sample, found) in search(buffer, set) {
        let target = set.target(of: sample)
        all[at + fields] += found == target ? 1 : 0
        all[at + fields + 1] += Double(editDistance(found, target))
        all[at + fields + 2] += Double(target.count)
      }
    }
    try all.withUnsafeMutableBufferPointer { try communicator.allReduceSum($0) }
    var sums = [Double](repeating: 0, count: fields + 3)
    for (index, value) in all.enumerated() { sums[index % (fields + 3)] += value }
    var metrics = EvaluationSums(Array(sums[..<fields])).metrics(
      samples: set.count, loss: loss, scaler: nil, shape: set.shape)
    metrics.sequenceAccuracy = sums[fields] / Double(set.count)
    metrics.errorRate = sums[fields + 1] / sums[fields + 2]
    return metrics
  }

  /// Gives what a search finds for each sample in order, on this rank alone.
  public func translate(
    _ set: some PairedSet, _ body: (_ sample: Int, _ found: [Int32]) throws -> Void
  ) throws {
    let buffer = BatchBuffer(set, capacity: min(Self.batchSize, set.count))
    for start in stride(from: 0, to: set.count, by: Self.batchSize) {
      let samples = start..<min(start + Self.batchSize, set.count)
      samples.map { Int32($0) }.withUnsafeBufferPointer { buffer.gather($0) }
      for (sample, found) in search(buffer, set) { try body(sample, found) }
    }
  }

  /// The targets found for a gathered batch, by sample.
  private func search(_ buffer: BatchBuffer, _ set: some PairedSet) -> [(sample: Int, found: [Int32])] {
    guard let source = buffer.source else { return [] }
    // Far longer than any right target: a network that has learned nothing may never end.
    let found = model.search(source, batch: buffer.count, end: endOfTarget, beam: beam) { 2 * $0 + 10 }
    return found.enumerated().map { (Int(source.samples[$0]), $1) }.sorted { $0.sample < $1.sample }
  }
}

/// The fewest insertions, deletions and replacements that turn one sequence into the other (Levenshtein).
package func editDistance(_ a: [Int32], _ b: [Int32]) -> Int {
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
