import Batches
import CKernels
import Kernels

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// What the steps of a decoder of numbers read and write.
///
/// A step reads the numbers of the step before, in the units that the loss sees, and what is known in advance of its own. The first
/// reads where the window ended. Counts, which the loss sees as they are, are read as log(1 + count); what nobody knows as 0.
final class NumberSteps {
  let numbers: Network.Decoder.Numbers
  /// Outputs of the head for a step.
  let width: Int
  /// `[steps, B, inputs of a step]`
  private let inputs = GrowingBuffer()
  /// `[B, steps, width]`: what the network gives.
  private let outputs = GrowingBuffer()
  /// The same `[steps, B, width]`, of a gradient.
  private let dOutputs = GrowingBuffer()
  /// `[B]`: 0 for a sample that is not taught.
  private let taught = GrowingBuffer()

  init(_ numbers: Network.Decoder.Numbers, width: Int) { (self.numbers, self.width) = (numbers, width) }

  /// Outputs of all steps.
  private var perSample: Int { numbers.steps * width }

  /// Whether samples of a training batch read what the network predicts, which `take` must have been given.
  var needsPredictions: Bool { numbers.teacherForcing < 1 }

  /// What all steps read in training: the right numbers of the one before, or what was predicted for it.
  /// - batch: windows with their targets, `[B, steps · targets]`.
  /// - Returns: `[steps, B, inputs of a step]`
  func all(_ batch: Batch, seed: UInt64, step: UInt64) -> UnsafePointer<Float> {
    precondition(
      batch.shape.targetWidth == numbers.steps * numbers.targets,
      "a decoder of \(numbers.steps) steps of \(numbers.targets) numbers needs as many targets")
    let rows = batch.count * numbers.inputSize
    inputs.reserve(numbers.steps * rows)
    drawTaught(batch, seed: seed, step: step)
    for step in 0..<numbers.steps {
      fill(inputs.base + step * rows, step, batch) { sample, target in
        taught.base[sample] > 0
          ? batch.values[(sample * numbers.steps + step - 1) * numbers.targets + target]
          : predicted(sample, step - 1, target)
      }
    }
    return UnsafePointer(inputs.base)
  }

  /// Which samples are taught, by their numbers and never by where they are computed.
  private func drawTaught(_ batch: Batch, seed: UInt64, step: UInt64) {
    let share = numbers.teacherForcing
    taught.reserve(batch.count)
    taught.base.update(repeating: share > 0 ? 1 : 0, count: batch.count)
    guard share > 0, share < 1 else { return }
    var mask = rk_dropout(seed: seed, step: step, layer: 0x2000_0000, probability: 1 - share)
    rk_dropout_apply(&mask, taught.base, taught.base, 1, batch.count, nil, 1, 1, 1, 1, batch.numbers)
  }

  private func predicted(_ sample: Int, _ step: Int, _ target: Int) -> Float {
    let parameters = numbers.loss.outputsPerTarget
    let said = outputs.base + sample * perSample + step * width + target * parameters
    return Float(PredictiveDistribution(numbers.loss, outputs: said).point)
  }

  /// What a step reads after those whose outputs `take` was given.
  /// - Returns: `[B, inputs of a step]`
  func next(_ step: Int, _ batch: Batch) -> UnsafePointer<Float> {
    inputs.reserve(batch.count * numbers.inputSize)
    outputs.reserve(batch.count * perSample)
    fill(inputs.base, step, batch) { sample, target in predicted(sample, step - 1, target) }
    return UnsafePointer(inputs.base)
  }

  /// - before: the number of the step before, by sample and target; not asked for the first step.
  private func fill(
    _ rows: UnsafeMutablePointer<Float>, _ step: Int, _ batch: Batch,
    before: (_ sample: Int, _ target: Int) -> Float
  ) {
    let known = numbers.known.count / numbers.steps
    for sample in 0..<batch.count {
      let last = batch.inputs.baseAddress! + batch.rows.end(sample) * batch.shape.features
      let row = rows + sample * numbers.inputSize
      for target in 0..<numbers.targets {
        row[target] =
          step > 0
          ? read(before(sample, target))
          : target < numbers.starts.count ? numbers.starts[target].map { last[$0] } ?? 0 : 0
      }
      (row + numbers.targets).update(from: last + numbers.known.lowerBound + step * known, count: known)
    }
  }

  private func read(_ number: Float) -> Float {
    guard !number.isNaN else { return 0 }
    return numbers.loss.takesCounts ? log1p(max(number, 0)) : number
  }

  /// Keeps the outputs of some steps, the first of which is `step`.
  /// - values: `[count, B, width]`
  func take(_ values: UnsafePointer<Float>, from step: Int, count: Int = 1, batch: Int) {
    outputs.reserve(batch * perSample)
    for row in 0..<count * batch {
      (outputs.base + row % batch * perSample + (step + row / batch) * width).update(
        from: values + row * width, count: width)
    }
  }

  /// `[B, steps · width]`, the outputs of all steps.
  func all(batch: Int) -> UnsafeMutableBufferPointer<Float> {
    UnsafeMutableBufferPointer(start: outputs.base, count: batch * perSample)
  }

  /// - dOutput: `[B, steps · width]`
  /// - Returns: `[steps, B, width]`
  func timeMajor(_ dOutput: UnsafePointer<Float>, batch: Int) -> UnsafePointer<Float> {
    dOutputs.reserve(batch * perSample)
    for row in 0..<numbers.steps * batch {
      (dOutputs.base + row * width).update(
        from: dOutput + row % batch * perSample + row / batch * width, count: width)
    }
    return UnsafePointer(dOutputs.base)
  }
}

extension Model {
  /// The output of an encoder-decoder for windows of numbers. In training each step reads the right numbers of the one before
  /// (teacher forcing), or as in evaluation those that the network has predicted: no gradient goes back through these.
  /// - Returns: `[B, steps · width]`
  func forwardNumbers(_ batch: Batch, _ steps: NumberSteps, mode: Mode) -> UnsafeMutableBufferPointer<Float> {
    guard let decoder else { preconditionFailure("this network has no decoder") }
    precondition(batch.rows.isUniform, "a decoder of numbers reads windows of equal length")
    guard case .training(let seed, let step) = mode else {
      predict(batch, steps, decoder)
      return steps.all(batch: batch.count)
    }
    if steps.needsPredictions { predict(batch, steps, decoder) }
    let encoded = encode(batch, mode)
    let sourceRows = decoder.inOrder(batch.count)
    pair = (encoded, sourceRows)
    var all = request(
      batch, steps.all(batch, seed: seed, step: step), steps: steps.numbers.steps, mode)
    let read = decoder.forward(
      &all, stack!, encoded.rows, sourceRows: sourceRows, UnsafePointer(parameters.baseAddress!))
    last = all
    let values = head.forward(read, rows: all.rows.count, all)
    steps.take(values.baseAddress!, from: 0, count: steps.numbers.steps, batch: batch.count)
    return steps.all(batch: batch.count)
  }

  /// Step by step, each from what the one before has given.
  private func predict(_ batch: Batch, _ steps: NumberSteps, _ decoder: Decoder) {
    let encoded = encode(batch, .evaluation)
    let sourceRows = decoder.inOrder(batch.count)
    decoder.start(stack!, encoded.rows, sourceRows, count: batch.count)
    for step in 0..<steps.numbers.steps {
      var one = request(batch, steps.next(step, batch), steps: 1, .evaluation)
      let read = decoder.run(
        &one, encoded.rows, sourceRows: sourceRows, streams: sourceRows,
        UnsafePointer(parameters.baseAddress!))
      steps.take(head.forward(read, rows: batch.count, one).baseAddress!, from: step, batch: batch.count)
      last = one
    }
  }

  private func request(
    _ batch: Batch, _ inputs: UnsafePointer<Float>, steps: Int, _ mode: Mode
  ) -> Request {
    Request(
      owner: batch, inputs: inputs, samples: batch.numbers,
      rows: BatchRows(steps: steps, batch: batch.count), mode: mode)
  }
}
