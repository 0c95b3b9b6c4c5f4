import Batches
import CKernels

extension RecurrentStack {
  /// Number of the masks of the network's input; those after layer l have the number firstMask + l.
  private static let inputNumber: UInt32 = 0x7000_0000

  /// Whether masks are applied to the outputs of this layer.
  func drops(_ layer: Int, _ mode: Model.Mode) -> Bool {
    network.dropout > 0 && layer < network.layers - 1 && mode != .evaluation
  }
  func dropsInput(_ mode: Model.Mode) -> Bool { network.inputDropout > 0 && mode != .evaluation }

  func dropInput(_ request: Model.Request) {
    guard dropsInput(request.mode) else { return }
    droppedInput.reserve(request.rows.count * network.inputWidth)
    applyInputDropout(request, from: request.inputs, to: droppedInput.base)
  }

  func applyInputDropout(
    _ request: Model.Request, from: UnsafePointer<Float>, to: UnsafeMutablePointer<Float>
  ) {
    let width = network.inputWidth
    let columns = Columns(stride: width, blocks: 1, width: width, units: width)
    apply(Self.inputNumber, network.inputDropout, columns, request, from, to)
  }

  func applyDropout(
    after index: Int, _ request: Model.Request, from: UnsafePointer<Float>, to: UnsafeMutablePointer<Float>
  ) {
    let size = sizes[index]
    let columns = Columns(
      stride: size.stride, blocks: network.directions, width: size.width, units: size.units)
    apply(firstMask + UInt32(index), network.dropout, columns, request, from, to)
  }

  private struct Columns {
    var stride: Int
    var blocks: Int
    var width: Int
    var units: Int
  }

  private func apply(
    _ number: UInt32, _ probability: Float, _ columns: Columns, _ request: Model.Request,
    _ from: UnsafePointer<Float>, _ to: UnsafeMutablePointer<Float>
  ) {
    guard let key = MaskKey(request) else { return }
    var mask = rk_dropout(seed: key.seed, step: key.step, layer: number, probability: probability)
    let rows = request.rows
    guard network.lockedDropout else {
      return rk_dropout_apply(
        &mask, from, to, rows.steps, rows.batch, rows.offsets, columns.stride, columns.blocks, columns.width,
        columns.units, key.samples)
    }
    // One mask for all steps of a sample (Gal and Ghahramani 2016).
    let stride = columns.stride
    lockedMask.reserve(rows.batch * stride)
    let factors = lockedMask.base
    factors.update(repeating: 1, count: rows.batch * stride)
    rk_dropout_apply(
      &mask, factors, factors, 1, rows.batch, nil, stride, columns.blocks, columns.width, columns.units,
      key.samples)
    for step in 0..<rows.steps {
      let (start, end) = (rows.start(step) * stride, rows.start(step + 1) * stride)
      for i in 0..<end - start { to[start + i] = from[start + i] * factors[i] }
    }
  }
}

extension MaskKey {
  init?(_ request: Model.Request) {
    guard case .training(let seed, let step) = request.mode else { return nil }
    self.init(seed: seed, step: step, samples: request.samples)
  }
}
