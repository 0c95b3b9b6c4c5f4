import CKernels
import Kernels

/// y = x·Wᵀ + b with W `[outputs, inputs]`, `torch.nn.Linear`.
final class Linear {
  let inputs: Int
  let outputs: Int
  private let weight: Range<Int>
  private let bias: Range<Int>?
  private let kernels: KernelSet
  private let team: Team
  private let packed: FloatBuffer
  private let packedBack: FloatBuffer
  private var parameters: UnsafePointer<Float>?
  private var scratch = FloatBuffer(0)

  /// - weight, bias: where they lie in the flat buffer; no bias where nil.
  init(
    inputs: Int, outputs: Int, weight: Range<Int>, bias: Range<Int>?, kernels: KernelSet, team: Team
  ) {
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
    let weight = parameters + weight.lowerBound
    f.pack_transposed(weight, inputs, nil, outputs, nil, inputs, packed.base)
    if forBackward { f.pack(weight, inputs, nil, outputs, nil, inputs, packedBack.base) }
  }

  func forward(_ x: UnsafePointer<Float>, to y: UnsafeMutablePointer<Float>, rows: Int) {
    let f = kernels.functions
    let bias = bias.map { parameters! + $0.lowerBound }
    team.run(.head, operations: rows * outputs * inputs) { share in
      let part = share.of(rows)
      f.multiply(
        part.count, outputs, inputs, x + part.lowerBound * inputs, inputs, 1, packed.base, bias,
        y + part.lowerBound * outputs, outputs, 0)
    }
  }

  /// Adds the gradients of weight and bias; dx gets that of x where it is wanted.
  /// - rows: how the rows of x and dy belong to the sequences of a batch.
  func backward(
    _ x: UnsafePointer<Float>, _ dy: UnsafePointer<Float>, dx: UnsafeMutablePointer<Float>?,
    _ rows: HeadRows, _ target: GradientTarget
  ) {
    target.add(weight, bias, overwriting: weight, batch: rows.batch, team) { part in
      addGradients(x, dy, rows.groups(of: part.sequences), part)
    }
    guard let dx else { return }
    let (f, rows) = (kernels.functions, rows.count)
    team.run(.head, operations: rows * outputs * inputs) { share in
      let part = share.of(rows)
      f.multiply(
        part.count, inputs, outputs, dy + part.lowerBound * outputs, outputs, 1, packedBack.base, nil,
        dx + part.lowerBound * inputs, inputs, 0)
    }
  }

  private func addGradients(
    _ x: UnsafePointer<Float>, _ dy: UnsafePointer<Float>, _ groups: RowGroups, _ target: GradientTarget.Part
  ) {
    let accumulates = target.overwritten.isEmpty
    let (f, depth) = (kernels.functions, groups.rows)
    let (x, d) = (x + groups.first * inputs, dy + groups.first * outputs)
    let panels = f.gradient_scratch(outputs, inputs)
    scratch.reserve(panels * team.count)
    let (own, to) = (scratch.base, target.gradients + weight.lowerBound)
    var layout = groups.kernel
    team.run(.head, operations: depth * outputs * inputs) { share in
      let part = share.of(inputs, grain: 16)
      f.multiply_gradient_groups(
        outputs, part.count, depth, &layout, d, outputs, x + part.lowerBound, inputs, to + part.lowerBound,
        inputs, accumulates ? 1 : 0, own + share.index * panels)
    }
    if let bias {
      groups.addColumns(of: dy, outputs, stride: outputs, kernels, to: target.gradients + bias.lowerBound)
    }
  }
}
