import Batches
import Kernels

/// What a decoder's step reads of the whole source: global attention (Luong, Pham and Manning 2015, without input feeding).
///
/// With q the decoder's output of a step and s the encoder's outputs of its source: score(q, s) = q·s (`dot`) or q·W s
/// (`general`), α the softmax of the scores over the source's steps, c = Σ α s, and the result tanh(W_c [c, q]).
final class Attention {
  let width: Int
  private let key: Linear?
  private let combine: Linear
  private let kernels: KernelSet
  private let team: Team
  /// `[Σ source, D]` the encoder's outputs, and what they are compared by.
  private var memory = FloatBuffer(0)
  private var keys = FloatBuffer(0)
  /// `[Σ target, longest source]`
  private var weights = FloatBuffer(0)
  /// `[Σ target, 2·D]`: c, q.
  private var pairs = FloatBuffer(0)
  /// `[Σ target, D]`
  private var outputs = FloatBuffer(0)
  private var dPairs = FloatBuffer(0)
  private var dOutputs = FloatBuffer(0)
  private var dKeys = FloatBuffer(0)
  private var dFromKeys = FloatBuffer(0)

  /// nil for a decoder without.
  init?(_ a: Network, _ layout: ParameterLayout, _ products: Products) {
    guard let kind = a.decoder?.attention, kind != .none else { return nil }
    width = a.outputWidth
    kernels = products.kernels
    team = products.team
    func linear(_ name: String, _ inputs: Int) -> Linear {
      Linear(
        inputs: inputs, outputs: a.outputWidth, weight: layout["\(name).weight"]!.range, bias: nil,
        products)
    }
    key = kind == .general ? linear("attention", a.outputWidth) : nil
    combine = linear("combine", 2 * a.outputWidth)
  }

  func pack(_ parameters: UnsafePointer<Float>, forBackward: Bool) {
    key?.pack(parameters, forBackward: forBackward)
    combine.pack(parameters, forBackward: forBackward)
  }

  /// Takes the encoder's outputs of a batch.
  func read(_ encoder: PaddedOutput, _ source: BatchRows) {
    memory.reserve(source.count * width)
    for row in 0..<source.count { encoder.copyRow(row, to: memory.base + row * width) }
    guard let key else { return }
    keys.reserve(source.count * width)
    key.forward(memory.base, to: keys.base, rows: source.count)
  }

  private var keyRows: UnsafeMutablePointer<Float> { key == nil ? memory.base : keys.base }

  /// `[Σ target, D]` for the decoder's outputs; sequence b reads the source of row `sourceRows[b]`.
  func forward(
    _ decoder: PaddedOutput, _ target: BatchRows, _ source: BatchRows, sourceRows: UnsafePointer<Int32>
  ) -> UnsafePointer<Float> {
    pairs.reserve(target.count * 2 * width)
    weights.reserve(target.count * source.steps)
    outputs.reserve(target.count * width)
    team.run(.head, operations: 2 * target.count * source.steps * width) { share in
      for b in share.of(target.batch) {
        for step in 0..<target.length(b) {
          let row = target.start(step) + b
          let pair = pairs.base + row * 2 * width
          decoder.copyRow(row, to: pair + width)
          attend(pair, weights.base + row * source.steps, source, Int(sourceRows[b]))
        }
      }
    }
    combine.forward(pairs.base, to: outputs.base, rows: target.count)
    kernels.functions.tanh(outputs.base, outputs.base, target.count * width)
    return UnsafePointer(outputs.base)
  }

  /// One step: weights from scores, and the weighted sum of the source's rows.
  private func attend(
    _ pair: UnsafeMutablePointer<Float>, _ weights: UnsafeMutablePointer<Float>, _ source: BatchRows,
    _ row: Int
  ) {
    let length = source.length(row)
    for step in 0..<length {
      weights[step] = dot(pair + width, keyRows + (source.start(step) + row) * width, width)
    }
    _ = kernels.functions.softmax(weights, weights, length)
    pair.update(repeating: 0, count: width)
    for step in 0..<length {
      addScaled(memory.base + (source.start(step) + row) * width, weights[step], to: pair, width)
    }
  }

  /// - dOutput: `[Σ target, D]`, overwritten with the gradient of the decoder's outputs.
  /// - dMemory: `[Σ source, D]`, gets that of the encoder's outputs.
  func backward(
    _ dOutput: UnsafeMutablePointer<Float>, _ target: BatchRows, _ source: BatchRows,
    sourceRows: UnsafePointer<Int32>, dMemory: UnsafeMutablePointer<Float>, _ gradients: GradientTarget
  ) {
    dOutputs.reserve(target.count * width)
    dPairs.reserve(target.count * 2 * width)
    dKeys.reserve(source.count * width)
    kernels.functions.tanh_back(outputs.base, dOutput, dOutputs.base, target.count * width)
    combine.backward(
      pairs.base, dOutputs.base, dx: dPairs.base, HeadRows(rows: target, everyStep: true), gradients)
    dMemory.update(repeating: 0, count: source.count * width)
    dKeys.base.update(repeating: 0, count: source.count * width)
    team.run(.head, operations: 4 * target.count * source.steps * width) { share in
      // Each source is read by one sequence, so that shares don't meet.
      for b in share.of(target.batch) {
        for step in 0..<target.length(b) {
          let row = target.start(step) + b
          attendBackward(row, weights.base + row * source.steps, source, Int(sourceRows[b]), dMemory)
          (dOutput + row * width).update(from: dPairs.base + row * 2 * width + width, count: width)
        }
      }
    }
    if let key {
      dFromKeys.reserve(source.count * width)
      key.backward(
        memory.base, dKeys.base, dx: dFromKeys.base, HeadRows(rows: source, everyStep: true), gradients)
      for i in 0..<source.count * width { dMemory[i] += dFromKeys.base[i] }
    } else {
      for i in 0..<source.count * width { dMemory[i] += dKeys.base[i] }
    }
  }

  private func attendBackward(
    _ row: Int, _ weights: UnsafeMutablePointer<Float>, _ source: BatchRows, _ sourceRow: Int,
    _ dMemory: UnsafeMutablePointer<Float>
  ) {
    let length = source.length(sourceRow)
    let dContext = dPairs.base + row * 2 * width
    let (query, dQuery) = (pairs.base + row * 2 * width + width, dContext + width)
    var mean: Float = 0
    for step in 0..<length {
      let at = (source.start(step) + sourceRow) * width
      mean += weights[step] * dot(dContext, memory.base + at, width)
    }
    for step in 0..<length {
      let at = (source.start(step) + sourceRow) * width
      let dScore = weights[step] * (dot(dContext, memory.base + at, width) - mean)
      addScaled(dContext, weights[step], to: dMemory + at, width)
      addScaled(keyRows + at, dScore, to: dQuery, width)
      addScaled(query, dScore, to: dKeys.base + at, width)
    }
  }
}

/// Σ a·b, in eight partial sums.
private func dot(_ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ count: Int) -> Float {
  var sums = SIMD8<Float>.zero
  var i = 0
  while i + 8 <= count {
    let (x, y) = (UnsafeRawPointer(a + i), UnsafeRawPointer(b + i))
    sums += x.loadUnaligned(as: SIMD8<Float>.self) * y.loadUnaligned(as: SIMD8<Float>.self)
    i += 8
  }
  var sum = sums.sum()
  while i < count {
    sum += a[i] * b[i]
    i += 1
  }
  return sum
}

private func addScaled(
  _ x: UnsafePointer<Float>, _ scale: Float, to y: UnsafeMutablePointer<Float>, _ count: Int
) {
  for i in 0..<count { y[i] += scale * x[i] }
}
