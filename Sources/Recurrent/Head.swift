import CKernels
import Kernels

/// The layers behind the recurrent part: linear, relu, tanh, sigmoid, dropout, in order.
final class Head {
  private let layers: [Layer]
  private let kernels: KernelSet
  private let team: Team
  /// Output of each layer `[rows, width]`, kept for backward.
  private let activations: [GrowingBuffer]
  private let gradients = [GrowingBuffer(), GrowingBuffer()]
  private var input: UnsafePointer<Float>?
  private var scratch = FloatBuffer(0)

  private enum Layer {
    case linear(Linear)
    case relu, tanh, sigmoid
    case dropout(Float)
  }

  /// y = x·Wᵀ + b with W `[outputs, inputs]`, `torch.nn.Linear`.
  private final class Linear {
    let inputs: Int
    let outputs: Int
    let weight: Int
    let bias: Int?
    let packed: FloatBuffer
    let packedBack: FloatBuffer

    init(inputs: Int, outputs: Int, weight: Int, bias: Int?, kernels: KernelSet) {
      self.inputs = inputs
      self.outputs = outputs
      self.weight = weight
      self.bias = bias
      packed = FloatBuffer(kernels.functions.packed_size(outputs, inputs))
      packedBack = FloatBuffer(kernels.functions.packed_size(inputs, outputs))
    }
  }

  private let widths: [Int]
  private let inputWidth: Int
  private var parameters: UnsafePointer<Float>?

  init(_ a: Architecture, _ layout: ParameterLayout, _ kernels: KernelSet, _ team: Team) {
    self.kernels = kernels
    self.team = team
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
            inputs: width, outputs: outputs, weight: weight.range.lowerBound,
            bias: layout["\(name).bias"]?.range.lowerBound, kernels: kernels))
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
    self.parameters = parameters
    let f = kernels.functions
    for case .linear(let l) in layers {
      let weight = parameters + l.weight
      f.pack_transposed(weight, l.inputs, nil, l.outputs, nil, l.inputs, l.packed.base)
      if forBackward { f.pack(weight, l.inputs, nil, l.outputs, nil, l.inputs, l.packedBack.base) }
    }
  }

  /// - input: `[rows, readoutWidth]`, valid until backward returns.
  func forward(_ input: UnsafePointer<Float>, rows: Int, _ request: Model.Batch)
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
      case .linear(let l):
        let bias = l.bias.map { parameters! + $0 }
        team.run(.head, operations: rows * l.outputs * l.inputs) { [x] share in
          let part = share.of(rows)
          f.multiply(
            part.count, l.outputs, l.inputs, x + part.lowerBound * l.inputs, l.inputs, 1, l.packed.base, bias,
            y + part.lowerBound * l.outputs, l.outputs, 0)
        }
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
    _ dOutput: UnsafePointer<Float>, dInput: UnsafeMutablePointer<Float>?, rows: Int, _ request: Model.Batch,
    _ parameterGradients: UnsafeMutablePointer<Float>
  ) {
    let f = kernels.functions
    var dy = dOutput
    for index in layers.indices.reversed() {
      let x = index > 0 ? UnsafePointer(activations[index - 1].base) : input!
      let width = index > 0 ? widths[index - 1] : inputWidth
      let count = rows * widths[index]
      gradients[index % 2].reserve(rows * max(width, widths[index]))
      let dx = index == 0 ? dInput : gradients[index % 2].base
      switch layers[index] {
      case .linear(let l): linearBack(l, x, dy, dx, rows: rows, parameterGradients)
      case .relu: if let dx { f.relu_back(activations[index].base, dy, dx, count) }
      case .tanh: if let dx { f.tanh_back(activations[index].base, dy, dx, count) }
      case .sigmoid: if let dx { f.sigmoid_back(activations[index].base, dy, dx, count) }
      case .dropout(let p): if let dx { drop(p, index, dy, dx, rows: rows, request) }
      }
      if let dx { dy = UnsafePointer(dx) }
    }
    if layers.isEmpty, let dInput { dInput.update(from: dOutput, count: rows * inputWidth) }
  }

  private func linearBack(
    _ l: Linear, _ x: UnsafePointer<Float>, _ dy: UnsafePointer<Float>, _ dx: UnsafeMutablePointer<Float>?,
    rows: Int,
    _ parameterGradients: UnsafeMutablePointer<Float>
  ) {
    let f = kernels.functions
    let operations = rows * l.outputs * l.inputs
    let panels = f.gradient_scratch(l.outputs, l.inputs)
    scratch.reserve(panels * team.count)
    let own = scratch.base
    team.run(.head, operations: operations) { share in
      let part = share.of(l.inputs, grain: 16)
      f.multiply_gradient(
        l.outputs, part.count, rows, dy, l.outputs, x + part.lowerBound, l.inputs,
        parameterGradients + l.weight + part.lowerBound, l.inputs, 1, own + share.index * panels)
    }
    if let bias = l.bias { f.column_sums(dy, rows, l.outputs, l.outputs, parameterGradients + bias) }
    guard let dx else { return }
    team.run(.head, operations: operations) { share in
      let part = share.of(rows)
      f.multiply(
        part.count, l.inputs, l.outputs, dy + part.lowerBound * l.outputs, l.outputs, 1, l.packedBack.base,
        nil,
        dx + part.lowerBound * l.inputs, l.inputs, 0)
    }
  }

  /// A mask is its own derivative. Head layers number their masks after any recurrent layer's.
  private func drop(
    _ p: Float, _ index: Int, _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, rows: Int,
    _ request: Model.Batch
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
