import Collective
import Dataset
import Recurrent

/// Runs a model over a part of the data without changing it.
///
/// Samples are cut into batches of fixed size, and the batches' sums are added in their order, whichever rank computed
/// them: the same model gives the same bits for any number of ranks.
public final class Evaluator {
  static let batchSize = 128

  private let model: Model
  private let loss: Loss
  private let scaler: Scaler?
  private let communicator: any Communicator
  /// Computes in place of the model where there is one.
  var device: DeviceTraining?

  public init(model: Model, loss: Loss, scaler: Scaler?, communicator: any Communicator = Solo()) {
    self.model = model
    self.loss = loss
    self.scaler = scaler
    self.communicator = communicator
  }

  /// Metrics over all samples of `set`; all ranks share the work and get the same values.
  public func evaluate(_ set: any SampleSet) throws -> EvaluationMetrics {
    let batches = (set.count + Self.batchSize - 1) / Self.batchSize
    let fields = EvaluationSums.fields(set.shape.targetWidth)
    var all = [Double](repeating: 0, count: batches * fields)
    try all.withUnsafeMutableBufferPointer { all in
      try forEachBatch(set, step: communicator.size, offset: communicator.rank) {
        index, range, outputs, batch in
        let sums = UnsafeMutableBufferPointer(rebasing: all[index * fields..<(index + 1) * fields])
        add(outputs, batch, count: range.count, width: set.shape.targetWidth, to: sums)
      }
      try communicator.allReduceSum(all)
    }
    var sums = [Double](repeating: 0, count: fields)
    for (index, value) in all.enumerated() { sums[index % fields] += value }
    return EvaluationSums(sums).metrics(samples: set.count, loss: loss, scaler: scaler)
  }

  /// Gives the outputs of all samples in order, batch by batch, on this rank alone.
  /// - body: the samples' numbers and their outputs, `[samples, outputSize]`, in scaled units.
  public func predict(
    _ set: any SampleSet, _ body: (Range<Int>, UnsafeBufferPointer<Float>) throws -> Void
  ) throws {
    try forEachBatch(set, step: 1, offset: 0) { _, range, outputs, _ in
      try body(range, UnsafeBufferPointer(outputs))
    }
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
        let outputs =
          try device?.evaluate(buffer.inputs, batch: range.count)
          ?? model.forward(
            inputs: buffer.inputs, samples: samples.baseAddress!, steps: set.shape.steps, batch: range.count,
            mode: .evaluation)
        try body(index, range, outputs, buffer)
      }
      index += step
    }
  }

  private func add(
    _ outputs: UnsafeMutableBufferPointer<Float>, _ batch: BatchBuffer, count: Int, width: Int,
    to sums: UnsafeMutableBufferPointer<Double>
  ) {
    guard let base = outputs.baseAddress else { return }
    let outputWidth = model.architecture.outputSize
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
