import CKernels
import Kernels

/// y = x·Wᵀ + b with W `[outputs, inputs]`, `torch.nn.Linear`.
final class Linear {
  let inputs: Int
  let outputs: Int
  private let weight: Int
  private let bias: Int?
  private let kernels: KernelSet
  private let team: Team
  private let packed: FloatBuffer
  private let packedBack: FloatBuffer
  private var parameters: UnsafePointer<Float>?
  private var scratch = FloatBuffer(0)

  /// - weight, bias: where they lie in the flat buffer; no bias where nil.
  init(inputs: Int, outputs: Int, weight: Int, bias: Int?, kernels: KernelSet, team: Team) {
    self.inputs = inputs
    self.outputs = outputs
    self.weight = weight
    self.bias = bias
    self.kernels = kernels
    self.team = team
    packed = FloatBuffer(kernels.functions.packed_size(outputs, inputs))
    packedBack = FloatBuffer(kernels.functions.packed_size(inputs, outputs))
  }

  func pack(_ parameters: UnsafePointer<Float>, forBackward: Bool) {
    self.parameters = parameters
    let f = kernels.functions
    f.pack_transposed(parameters + weight, inputs, nil, outputs, nil, inputs, packed.base)
    if forBackward { f.pack(parameters + weight, inputs, nil, outputs, nil, inputs, packedBack.base) }
  }

  func forward(_ x: UnsafePointer<Float>, to y: UnsafeMutablePointer<Float>, rows: Int) {
    let f = kernels.functions
    let bias = bias.map { parameters! + $0 }
    team.run(.head, operations: rows * outputs * inputs) { share in
      let part = share.of(rows)
      f.multiply(
        part.count, outputs, inputs, x + part.lowerBound * inputs, inputs, 1, packed.base, bias,
        y + part.lowerBound * outputs, outputs, 0)
    }
  }

  /// Adds the gradients of weight and bias to the flat buffer; dx gets that of x where it is wanted.
  func backward(
    _ x: UnsafePointer<Float>, _ dy: UnsafePointer<Float>, dx: UnsafeMutablePointer<Float>?, rows: Int,
    _ gradients: UnsafeMutablePointer<Float>
  ) {
    let f = kernels.functions
    let operations = rows * outputs * inputs
    let panels = f.gradient_scratch(outputs, inputs)
    scratch.reserve(panels * team.count)
    let own = scratch.base
    team.run(.head, operations: operations) { share in
      let part = share.of(inputs, grain: 16)
      f.multiply_gradient(
        outputs, part.count, rows, dy, outputs, x + part.lowerBound, inputs,
        gradients + weight + part.lowerBound, inputs, 1, own + share.index * panels)
    }
    if let bias { f.column_sums(dy, rows, outputs, outputs, gradients + bias) }
    guard let dx else { return }
    team.run(.head, operations: operations) { share in
      let part = share.of(rows)
      f.multiply(
        part.count, inputs, outputs, dy + part.lowerBound * outputs, outputs, 1, packedBack.base, nil,
        dx + part.lowerBound * inputs, inputs, 0)
    }
  }
}
