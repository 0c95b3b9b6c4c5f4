import Batches
import Collective
import Dataset
import Recurrent

extension Evaluator {
  /// Streams that a text is read in: as many as PyTorch's example of a language model uses.
  static var streams: Int { StreamStates.evaluated }

  /// Sums over a whole text, each stream read from its beginning to its end with the state carried on. Nothing is left out, and
  /// streams are added up in order, whichever rank read them.
  func measure(stream text: some StreamedSet) throws -> (EvaluationSums, OutcomeCounts) {
    let set = text.arranged(inStreams: max(1, min(Self.streams, text.pairs)), isEven: false)
    guard let streams = set.streams?.count else { preconditionFailure("a text is read in streams") }
    let mine = equalParts(of: streams, among: communicator.size)[communicator.rank]
    let fields = EvaluationSums.fields(0, nil)
    let kind = loss.outcomes(model.network.outputSize)
    let counts = streams * fields
    var all = [Double](repeating: 0, count: counts + OutcomeCounts.fields(kind))
    try all.withUnsafeMutableBufferPointer { all in
      if !mine.isEmpty {
        try read(
          set, mine, into: .init(rebasing: all[..<counts]), fields: fields, kind,
          .init(rebasing: all[counts...]))
      }
      try communicator.allReduceSum(all)
    }
    var sums = [Double](repeating: 0, count: fields)
    for (index, value) in all[..<counts].enumerated() { sums[index % fields] += value }
    return (EvaluationSums(sums, scaler: nil), OutcomeCounts(kind, all[counts...]))
  }

  private func read(
    _ set: some StreamedSet, _ mine: Range<Int>, into all: UnsafeMutableBufferPointer<Double>, fields: Int,
    _ kind: OutcomeCounts.Outcomes, _ counts: UnsafeMutableBufferPointer<Double>
  ) throws {
    guard let streams = set.streams else { preconditionFailure("a text is read in streams") }
    let states = StreamStates(model.network, streams: streams.count)
    let batch = Batch(set.shape, capacity: mine.count)
    let width = model.network.outputSize
    try device?.resetEvaluation()
    var window = 0
    while true {
      let samples = mine.map { streams.sample(window: window, stream: $0) }.filter { $0 < set.count }
      if samples.isEmpty { return }
      set.gather(samples.map { Int32($0) }, into: batch)
      if let failure = set.readingFailure { throw failure }
      let outputs =
        try device?.evaluate(batch) ?? model.forward(batch, mode: .evaluation, states: states)
      batch.rows.forEachRow { row, place, _ in
        let output = UnsafePointer(outputs.baseAddress! + row * width)
        let at = Int(batch.streams![place]) * fields
        add(
          output, rows: 1, targets: batch.targets(from: row), kind, pivots: [], isText: true,
          own: { _ in nil },
          to: .init(rebasing: all[at..<at + fields]), counts)
      }
      window += 1
    }
  }
}
