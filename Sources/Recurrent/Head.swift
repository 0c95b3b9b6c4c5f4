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
  private var rows = 0
  /// Of the last layer, where it has many outputs.
  private let joined: JoinedLoss?
  /// Whether `forward` leaves out the last layer, which is then computed with its loss.
  var leavesLast = false

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
    joined =
      if case .linear(let last) = layers.last, last.outputs >= JoinedLoss.fewestOutputs {
        JoinedLoss(last)
      } else { nil }
  }

  /// Whether the last layer can be computed with a loss of classes.
  var joinsLoss: Bool { joined != nil }

  func pack(_ parameters: UnsafePointer<Float>, forBackward: Bool) {
    for case .linear(let linear) in layers { linear.pack(parameters, forBackward: forBackward) }
  }

  /// - input: `[rows, readoutWidth]`, valid until backward returns.
  func forward(_ input: UnsafePointer<Float>, rows: Int, _ request: Model.Request)
    -> UnsafeMutableBufferPointer<Float>
  {
    (self.input, self.rows) = (input, rows)
    return forward(0..<layers.count - (leavesLast ? 1 : 0), input, request)
  }

  /// The last layer, which `forward` left out.
  func forwardLast(_ request: Model.Request) -> UnsafeMutableBufferPointer<Float> {
    forward(layers.count - 1..<layers.count, inputOfLast, request)
  }

  private var inputOfLast: UnsafePointer<Float> {
    layers.count > 1 ? UnsafePointer(activations[layers.count - 2].base) : input!
  }

  private func forward(_ indices: Range<Int>, _ input: UnsafePointer<Float>, _ request: Model.Request)
    -> UnsafeMutableBufferPointer<Float>
  {
    let f = kernels.functions
    var x = input
    for index in indices {
      let layer = layers[index]
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
      start: UnsafeMutablePointer(mutating: x),
      count: rows * (indices.last.map { widths[$0] } ?? inputWidth))
  }

  /// - dInput: gets the gradient of the input; nil where nobody reads it.
  func backward(
    _ dOutput: UnsafePointer<Float>, dInput: UnsafeMutablePointer<Float>?, _ headRows: HeadRows,
    _ request: Model.Request, _ target: GradientTarget
  ) {
    backward(dOutput, below: layers.count, dInput: dInput, headRows, request, target)
  }

  /// The loss of a batch whose forward left out the last layer, and all gradients: see `JoinedLoss`.
  func backward(
    _ loss: Loss, _ targets: Loss.Targets, dInput: UnsafeMutablePointer<Float>?, _ headRows: HeadRows,
    _ request: Model.Request, _ target: GradientTarget, add: (_ part: Int, ClassLoss) -> Void
  ) {
    guard let joined else { preconditionFailure("this network's outputs are few") }
    let last = layers.count - 1
    let dx = last == 0 ? dInput : reserveGradient(of: last, rows: headRows.count)
    joined.backward(loss, targets, inputOfLast, dx: dx, headRows, target, add: add)
    if last > 0, let dx { backward(dx, below: last, dInput: dInput, headRows, request, target) }
  }

  /// Room for the gradient of what a layer reads.
  private func reserveGradient(of index: Int, rows: Int) -> UnsafeMutablePointer<Float> {
    gradients[index % 2].reserve(rows * widths[index - 1])
    return gradients[index % 2].base
  }

  private func backward(
    _ dOutput: UnsafePointer<Float>, below end: Int, dInput: UnsafeMutablePointer<Float>?,
    _ headRows: HeadRows, _ request: Model.Request, _ target: GradientTarget
  ) {
    let (f, rows) = (kernels.functions, headRows.count)
    var dy = dOutput
    for index in (0..<end).reversed() {
      let x = index > 0 ? UnsafePointer(activations[index - 1].base) : input!
      let count = rows * widths[index]
      let dx = index == 0 ? dInput : reserveGradient(of: index, rows: rows)
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
