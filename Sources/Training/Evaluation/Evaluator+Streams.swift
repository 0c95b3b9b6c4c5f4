import Collective
import Dataset
import Recurrent

extension Evaluator {
  /// Streams that a text is read in: as many as PyTorch's example of a language model uses.
  private static let streams = 10

  /// Metrics over a whole text, each stream read from its beginning to its end with the state carried on. Nothing is left out, and
  /// streams are added up in order, whichever rank read them.
  func evaluate(stream text: some StreamedSet) throws -> EvaluationMetrics {
    let streams = max(1, min(Self.streams, text.pairs))
    let set = text.arranged(inStreams: streams, isEven: false)
    let mine = equalParts(of: streams, among: communicator.size)[communicator.rank]
    let fields = EvaluationSums.fields(0)
    var all = [Double](repeating: 0, count: streams * fields)
    if !mine.isEmpty { try read(set, mine, into: &all, fields: fields) }
    try all.withUnsafeMutableBufferPointer { try communicator.allReduceSum($0) }
    var sums = [Double](repeating: 0, count: fields)
    for (index, value) in all.enumerated() { sums[index % fields] += value }
    return EvaluationSums(sums).metrics(samples: text.pairs, loss: loss, scaler: nil, shape: set.shape)
  }

  private func read(_ set: some StreamedSet, _ mine: Range<Int>, into all: inout [Double], fields: Int) throws
  {
    let states = StreamStates(model.architecture, streams: set.streams)
    let buffer = BatchBuffer(set, capacity: mine.count)
    var window = 0
    while true {
      let samples = mine.map { window * set.streams + $0 }.filter { $0 < set.count }
      if samples.isEmpty { return }
      samples.map { Int32($0) }.withUnsafeBufferPointer { buffer.gather($0) }
      let outputs = model.forward(buffer, mode: .evaluation, states: states)
      let width = model.architecture.outputSize
      buffer.forEachStep { row, sample in
        let output = UnsafePointer(outputs.baseAddress! + row * width)
        let total = loss.evaluate(
          outputs: output, rows: 1, width: width, values: buffer.values, classes: buffer.classes + row,
          gradient: nil, kernels: model.kernels)
        let score = loss.score(
          outputs: output, rows: 1, width: width, values: buffer.values, classes: buffer.classes + row)
        let at = sample % set.streams * fields
        all[at] += total.sum
        all[at + 1] += total.weight
        all[at + 2] += Double(score.right)
        all[at + 3] += Double(score.counted)
      }
      window += 1
    }
  }
}
