import Collective
import Dataset
import Recurrent

/// Runs a model over a part of the data without changing it.
///
/// Samples are cut into batches of fixed size, and the batches' sums are added in their order, whichever rank computed
/// them: the same model gives the same bits for any number of ranks.
public final class Evaluator {
  static let batchSize = 128

  let model: Model
  let loss: Loss
  private let scaler: Scaler?
  let communicator: any Communicator

  let beam: Int

  /// - beam: hypotheses that a search for targets keeps.
  public init(
    model: Model, loss: Loss, scaler: Scaler?, communicator: any Communicator = Solo(), beam: Int = 1
  ) {
    self.beam = beam
    self.model = model
    self.loss = loss
    self.scaler = scaler
    self.communicator = communicator
  }

  /// Metrics over all samples of `set`; all ranks share the work and get the same values.
  public func evaluate(_ set: any SampleSet) throws -> EvaluationMetrics {
    if let text = set as? any StreamedSet { return try evaluate(stream: text) }
    if let pairs = set as? any PairedSet { return try evaluate(pairs: pairs) }
    let batches = (set.count + Self.batchSize - 1) / Self.batchSize
    let fields = EvaluationSums.fields(set.shape.targetWidth)
    var all = [Double](repeating: 0, count: batches * fields)
    try all.withUnsafeMutableBufferPointer { all in
      try forEachBatch(set, step: communicator.size, offset: communicator.rank) {
        index, range, outputs, batch in
        let sums = UnsafeMutableBufferPointer(rebasing: all[index * fields..<(index + 1) * fields])
        add(outputs, batch, width: set.shape.targetWidth, to: sums)
      }
      try communicator.allReduceSum(all)
    }
    var sums = [Double](repeating: 0, count: fields)
    for (index, value) in all.enumerated() { sums[index % fields] += value }
    return EvaluationSums(sums).metrics(samples: set.count, loss: loss, scaler: scaler, shape: set.shape)
  }

  /// Gives the outputs of all samples in order, batch by batch, on this rank alone.
  public func predict(_ set: any SampleSet, _ body: (Prediction) throws -> Void) throws {
    let perStep = set.shape.hasTargetPerStep
    try forEachBatch(set, step: 1, offset: 0) { _, range, outputs, batch in
      let width = set.shape.targetWidth
      var prediction = Prediction(samples: range, lengths: nil)
      prediction.outputs = batch.restore(
        outputs.baseAddress!, perStep: perStep, width: model.architecture.outputSize)
      if width > 0 { prediction.values = batch.restore(batch.values, perStep: perStep, width: width) }
      if width == 0 { prediction.classes = batch.restore(batch.classes, perStep: perStep, width: 1) }
      if perStep { prediction.lengths = range.map { set.length(of: $0) } }
      try body(prediction)
    }
  }

  /// Outputs and targets of some samples, in their order; with a target per step, one row for each step of a sample.
  public struct Prediction {
    public let samples: Range<Int>
    /// Rows of each sample; nil for one each.
    public internal(set) var lengths: [Int]?
    /// `[rows, outputSize]`, in scaled units.
    public internal(set) var outputs: [Float] = []
    /// `[rows, width]`, in scaled units; empty for classes.
    public internal(set) var values: [Float] = []
    /// `[rows]`; empty for values.
    public internal(set) var classes: [Int32] = []
  }

  private func forEachBatch(
    _ set: any SampleSet, step: Int, offset: Int,
    _ body: (Int, Range<Int>, UnsafeMutableBufferPointer<Float>, BatchBuffer) throws -> Void
  ) throws {
    let buffer = BatchBuffer(set, capacity: min(Self.batchSize, set.count))
    var index = offset
    while index * Self.batchSize < set.count {
      let range = index * Self.batchSize..<min((index + 1) * Self.batchSize, set.count)
      let samples = range.map { Int32($0) }
      try samples.withUnsafeBufferPointer { samples in
        buffer.gather(samples)
        let outputs = model.forward(buffer, mode: .evaluation)
        try body(index, range, outputs, buffer)
      }
      index += step
    }
  }

  func add(
    _ outputs: UnsafeMutableBufferPointer<Float>, _ batch: BatchBuffer, width: Int,
    to sums: UnsafeMutableBufferPointer<Double>
  ) {
    guard let base = outputs.baseAddress else { return }
    let outputWidth = model.architecture.outputSize
    let count = outputs.count / outputWidth
    let total = loss.evaluate(
      outputs: base, rows: count, width: outputWidth, values: batch.values, classes: batch.classes,
      gradient: nil,
      kernels: model.kernels)
    let score = loss.score(
      outputs: base, rows: count, width: outputWidth, values: batch.values, classes: batch.classes)
    sums[0] = total.sum
    sums[1] = total.weight
    sums[2] = Double(score.right)
    sums[3] = Double(score.counted)
    for row in 0..<count {
      for column in 0..<width {
        let error = Double(base[row * outputWidth + column]) - Double(batch.values[row * width + column])
        sums[4 + 2 * column] += abs(error)
        sums[5 + 2 * column] += error * error
      }
    }
  }
}
