import Batches
import Collective
import Dataset
import Recurrent

/// Runs a model over a part of the data without changing it.
///
/// Samples are cut into batches of fixed size, and the batches' sums are added in their order, whichever rank computed
/// them: the same model gives the same bits for any number of ranks.
public final class Evaluator {
  package static let batchSize = 128

  /// The k of top-k accuracy in the details.
  public var topK: [Int] = [5]

  let model: Model
  let loss: Loss
  private let scaler: Scaler?
  let communicator: any Communicator
  /// Computes in place of the model where there is one.
  package var device: (any EvaluationDevice)?
  package let beam: Int

  /// Prepares measuring with a group of processes, which all call `evaluate`.
  /// - beam: hypotheses that a search for targets keeps.
  public convenience init(
    model: Model, loss: Loss, scaler: Scaler?, group: ProcessGroup = ProcessGroup(), beam: Int = 1
  ) {
    self.init(model: model, loss: loss, scaler: scaler, communicator: group.communicator, beam: beam)
  }

  package init(
    model: Model, loss: Loss, scaler: Scaler?, communicator: any Communicator, beam: Int = 1
  ) {
    self.beam = beam
    self.model = model
    self.loss = loss
    self.scaler = scaler
    self.communicator = communicator
  }

  /// Metrics over all samples of `set`; all ranks share the work and get the same values.
  public func evaluate(_ set: any SampleSet) throws -> EvaluationMetrics {
    let (sums, outcomes) = try measure(set)
    return try metrics(set, sums, outcomes)
  }

  /// The same metrics, and what they are made of.
  /// - classNames, targetNames: of the data; numbers stand in for those that have none.
  public func examine(_ set: any SampleSet, classNames: [String] = [], targetNames: [String] = []) throws
    -> (metrics: EvaluationMetrics, details: EvaluationDetails)
  {
    let (sums, outcomes) = try measure(set)
    var details = EvaluationDetails()
    details.classes = outcomes.classScores(classNames)
    details.confusion = outcomes.confusion
    let top = topK.compactMap { k in outcomes.topAccuracy(k).map { ("\(k)", $0) } }
    if !top.isEmpty { details.topAccuracy = Dictionary(top) { $1 } }
    if loss.hasErrors { details.targets = sums.targetErrors(targetNames, loss) }
    return (try metrics(set, sums, outcomes), details)
  }

  private func metrics(_ set: any SampleSet, _ sums: EvaluationSums, _ outcomes: OutcomeCounts)
    throws -> EvaluationMetrics
  {
    let samples = set.windows?.pairs ?? set.count
    var metrics = sums.metrics(samples: samples, loss: loss, tokens: set.shape.tokens)
    metrics.accuracy = outcomes.accuracy
    metrics.top5Accuracy = outcomes.topAccuracy(5)
    metrics.macroF1 = outcomes.macroF1
    if let pairs = set.pairs { try addSearch(pairs, to: &metrics) }
    return metrics
  }

  /// Every rank adds up its batches; together they have all.
  private func measure(_ set: any SampleSet) throws -> (EvaluationSums, OutcomeCounts) {
    if let text = set.windows { return try measure(stream: text) }
    let batches = (set.count + Self.batchSize - 1) / Self.batchSize
    let pivots = loss.hasErrors ? firstTarget(set) : []
    let fields = EvaluationSums.fields(pivots.count, scaler)
    let kind = loss.outcomes(model.network.outputSize)
    var all = [Double](repeating: 0, count: batches * fields + OutcomeCounts.fields(kind))
    try all.withUnsafeMutableBufferPointer { all in
      let counts = UnsafeMutableBufferPointer(rebasing: all[(batches * fields)...])
      try forEachBatch(set, step: communicator.size, offset: communicator.rank) {
        index, range, outputs, batch in
        let sums = UnsafeMutableBufferPointer(rebasing: all[index * fields..<(index + 1) * fields])
        add(
          outputs, batch, kind, pivots: pivots, isText: set.shape.tokens != nil,
          own: { set.targetScale(of: batch.sample(ofTargetRow: $0)) }, to: sums, counts)
      }
      try communicator.allReduceSum(all)
    }
    var sums = [Double](repeating: 0, count: fields)
    for (index, value) in all[..<(batches * fields)].enumerated() { sums[index % fields] += value }
    return (EvaluationSums(sums, scaler: scaler), OutcomeCounts(kind, all[(batches * fields)...]))
  }

  /// The first sample's values; 0 for what nobody knows.
  private func firstTarget(_ set: any SampleSet) -> [Double] {
    let width = set.shape.targetWidth
    guard set.count > 0, width > 0 else { return [Double](repeating: 0, count: width) }
    let batch = set.batch([0])
    return (0..<width).map { batch.values[$0].isNaN ? 0 : Double(batch.values[$0]) }
  }

  /// Gives the outputs of all samples in order, batch by batch, on this rank alone.
  public func predict(_ set: any SampleSet, _ body: (Prediction) throws -> Void) throws {
    let perStep = set.shape.hasTargetPerStep
    try forEachBatch(set, step: 1, offset: 0) { _, range, outputs, batch in
      let width = set.shape.targetWidth
      var prediction = Prediction(samples: range, lengths: nil)
      prediction.outputs = batch.inOrder(outputs.baseAddress!, width: model.network.outputSize)
      if width > 0 { prediction.values = batch.inOrder(batch.values, width: width) }
      if width == 0 { prediction.classes = batch.inOrder(batch.classes, width: 1) }
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
    _ body: (Int, Range<Int>, UnsafeMutableBufferPointer<Float>, Batch) throws -> Void
  ) throws {
    let batch = Batch(set.shape, capacity: min(Self.batchSize, set.count))
    var index = offset
    while index * Self.batchSize < set.count {
      let range = index * Self.batchSize..<min((index + 1) * Self.batchSize, set.count)
      set.gather(range.map { Int32($0) }, into: batch)
      if let failure = set.readingFailure { throw failure }
      let outputs = try device?.evaluate(batch) ?? model.forward(batch, mode: .evaluation)
      try body(index, range, outputs, batch)
      index += step
    }
  }

  private func add(
    _ outputs: UnsafeMutableBufferPointer<Float>, _ batch: Batch, _ kind: OutcomeCounts.Outcomes,
    pivots: [Double], isText: Bool, own: (Int) -> [Scaler.ColumnScale]?,
    to sums: UnsafeMutableBufferPointer<Double>,
    _ counts: UnsafeMutableBufferPointer<Double>
  ) {
    guard let base = outputs.baseAddress else { return }
    add(
      base, rows: outputs.count / model.network.outputSize, targets: batch.targets(), kind,
      pivots: pivots, isText: isText, own: own, to: sums, counts)
  }

  /// Adds some rows of outputs with their targets.
  func add(
    _ outputs: UnsafePointer<Float>, rows: Int, targets: Loss.Targets, _ kind: OutcomeCounts.Outcomes,
    pivots: [Double], isText: Bool, own: (Int) -> [Scaler.ColumnScale]?,
    to sums: UnsafeMutableBufferPointer<Double>,
    _ counts: UnsafeMutableBufferPointer<Double>
  ) {
    let width = model.network.outputSize
    func total(_ loss: Loss) -> Loss.Total {
      loss.evaluate(
        outputs: outputs, rows: rows, width: width, targets: targets, gradient: nil, kernels: model.kernels)
    }
    let loss = total(self.loss)
    EvaluationSums.add(
      loss, likelihood: isText ? self.loss.likelihood.map(total) ?? loss : Loss.Total(), loss: self.loss,
      outputs: outputs, targets: targets, rows: rows, pivots: pivots, scaler: scaler, own: own,
      to: sums)
    OutcomeCounts.add(
      kind, loss: self.loss, outputs: outputs, rows: rows, width: width, targets: targets, to: counts)
  }
}
