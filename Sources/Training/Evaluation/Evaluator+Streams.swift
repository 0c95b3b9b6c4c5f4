import CUDA
import Collective
import Dataset
import Recurrent

extension Evaluator {
  /// Streams that a text is read in: as many as PyTorch's example of a language model uses.
  private static let streams = StepPlan.evaluationStreams

  /// Sums over a whole text, each stream read from its beginning to its end with the state carried on. Nothing is left out, and
  /// streams are added up in order, whichever rank read them.
  func measure(stream text: some StreamedSet) throws -> (EvaluationSums, OutcomeCounts) {
    let streams = max(1, min(Self.streams, text.pairs))
    let set = text.arranged(inStreams: streams, isEven: false)
    let mine = equalParts(of: streams, among: communicator.size)[communicator.rank]
    let fields = EvaluationSums.fields(0)
    let kind = loss.outcomes(model.architecture.outputSize)
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
    _ kind: OutcomeCounts.Kind, _ counts: UnsafeMutableBufferPointer<Double>
  ) throws {
    let states = StreamStates(model.architecture, streams: set.streams)
    let buffer = BatchBuffer(set, capacity: mine.count)
    try device?.resetEvaluation()
    var window = 0
    while true {
      let samples = mine.map { window * set.streams + $0 }.filter { $0 < set.count }
      if samples.isEmpty { return }
      samples.map { Int32($0) }.withUnsafeBufferPointer { buffer.gather($0) }
      let outputs =
        try device?.evaluate(buffer, streams: set.streams)
        ?? model.forward(buffer, mode: .evaluation, states: states)
      let width = model.architecture.outputSize
      buffer.forEachStep { row, sample in
        let output = UnsafePointer(outputs.baseAddress! + row * width)
        let at = sample % set.streams * fields
        add(
          output, rows: 1, values: buffer.values, classes: buffer.classes + row, kind, pivots: [],
          isText: true, to: .init(rebasing: all[at..<at + fields]), counts)
      }
      window += 1
    }
  }
}
