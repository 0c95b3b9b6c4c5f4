import Batches
import CKernels
import Kernels

/// The layers after the recurrent part: linear, relu, tanh, sigmoid, dropout, in order.
final class Head {
  private let layers: [Layer]
  private let kernels: KernelSet
  /// Output of each layer `[rows, width]`, kept for backward.
  private let activations: [GrowingBuffer]
  private let gradients = [GrowingBuffer(), GrowingBuffer()]
  private var input: UnsafePointer<Float>?

  private enum Layer {
    case linear(Linear)
    case relu, tanh, sigmoid
    case dropout(Float)
  }

  private let widths: [Int]
  private let inputWidth: Int

  init(_ a: Network, _ layout: ParameterLayout, _ products: Products) {
    kernels = products.kernels
    inputWidth = a.readoutWidth
    var width = a.readoutWidth
    var widths: [Int] = []
    let linears = a.linearWidths.count
    var index = 0
    layers = a.head.map { layer in
      defer { widths.append(width) }
      switch layer {
      case .linear(let outputs, _):
        let name = ParameterLayout.linearName(index, of: linears)
        defer { (width, index) = (outputs, index + 1) }
        let weight = layout["\(name).weight"] ?? layout["embedding.weight"]!
        return .linear(
          Linear(
            inputs: width, outputs: outputs, weight: weight.range, bias: layout["\(name).bias"]?.range,
            products, seesSteps: a.headReadsEveryStep))
      case .relu: return .relu
      case .tanh: return .tanh
      case .sigmoid: return .sigmoid
      case .dropout(let p): return .dropout(p)
      }
    }
    self.widths = widths
    activations = a.head.map { _ in GrowingBuffer() }
  }

  func pack(_ parameters: UnsafePointer<Float>, forBackward: Bool) {
    for case .linear(let linear) in layers { linear.pack(parameters, forBackward: forBackward) }
  }

  /// - input: `[rows, readoutWidth]`, valid until backward returns.
  func forward(_ input: UnsafePointer<Float>, rows: Int, _ request: Model.Request)
    -> UnsafeMutableBufferPointer<Float>
  {
    self.input = input
    let f = kernels.functions
    var x = input
    for (index, layer) in layers.enumerated() {
      let count = rows * widths[index]
      activations[index].reserve(count)
      let y = activations[index].base
      switch layer {
      case .linear(let linear): linear.forward(x, to: y, rows: rows)
      case .relu: f.relu(x, y, count)
      case .tanh: f.tanh(x, y, count)
      case .sigmoid: f.sigmoid(x, y, count)
      case .dropout(let p): drop(p, index, x, y, rows: rows, request)
      }
      x = UnsafePointer(y)
    }
    return UnsafeMutableBufferPointer(
      start: UnsafeMutablePointer(mutating: x), count: rows * (widths.last ?? inputWidth))
  }

  /// - dInput: gets the gradient of the input; nil where nobody reads it.
  func backward(
    _ dOutput: UnsafePointer<Float>, dInput: UnsafeMutablePointer<Float>?, _ headRows: HeadRows,
    _ request: Model.Request, _ target: GradientTarget
  ) {
    let (f, rows) = (kernels.functions, headRows.count)
    var dy = dOutput
    for index in layers.indices.reversed() {
      let x = index > 0 ? UnsafePointer(activations[index - 1].base) : input!
      let width = index > 0 ? widths[index - 1] : inputWidth
      let count = rows * widths[index]
      gradients[index % 2].reserve(rows * max(width, widths[index]))
      let dx = index == 0 ? dInput : gradients[index % 2].base
      switch layers[index] {
      case .linear(let linear): linear.backward(x, dy, dx: dx, headRows, target)
      case .relu: if let dx { f.relu_back(activations[index].base, dy, dx, count) }
      case .tanh: if let dx { f.tanh_back(activations[index].base, dy, dx, count) }
      case .sigmoid: if let dx { f.sigmoid_back(activations[index].base, dy, dx, count) }
      case .dropout(let p): if let dx { drop(p, index, dy, dx, rows: rows, request) }
      }
      if let dx { dy = UnsafePointer(dx) }
    }
    if layers.isEmpty, let dInput { dInput.update(from: dOutput, count: rows * inputWidth) }
  }

  /// A mask is its own derivative. Head layers number their masks after any recurrent layer's.
  private func drop(
    _ p: Float, _ index: Int, _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, rows: Int,
    _ request: Model.Request
  ) {
    let width = widths[index]
    guard case .training(let seed, let step) = request.mode, p > 0 else {
      y.update(from: x, count: rows * width)
      return
    }
    var mask = rk_dropout(seed: seed, step: step, layer: 0x8000_0000 + UInt32(index), probability: p)
    let everyStep = rows == request.rows.count
    rk_dropout_apply(
      &mask, x, y, everyStep ? request.steps : 1, request.batch, everyStep ? request.rows.offsets : nil,
      width, 1, width, width, request.samples)
  }
}
