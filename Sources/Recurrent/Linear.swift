import Kernels

/// y = x·Wᵀ + b with W `[outputs, inputs]`, `torch.nn.Linear`.
final class Linear {
  let inputs: Int
  let outputs: Int
  let weight: Range<Int>
  let bias: Range<Int>?
  let kernels: KernelSet
  let team: Team
  let product: ProductWeight
  private var parameters: UnsafePointer<Float>?

  /// - weight, bias: where they lie in the flat buffer; no bias where nil.
  /// - seesSteps: whether its rows are the steps of sequences, or one of each.
  init(
    inputs: Int, outputs: Int, weight: Range<Int>, bias: Range<Int>?, _ products: Products,
    seesSteps: Bool = true
  ) {
    self.inputs = inputs
    self.outputs = outputs
    self.weight = weight
    self.bias = bias
    kernels = products.kernels
    team = products.team
    product = products.weight(
      outputs: outputs, inputs: inputs, [.forward, .back, .gradient], seesSteps: seesSteps, cutsInputs: true)
  }

  func pack(_ parameters: UnsafePointer<Float>, forBackward: Bool) {
    self.parameters = parameters
    product.pack(parameters + weight.lowerBound, stride: inputs, forBackward: forBackward)
  }

  var biasValues: UnsafePointer<Float>? { bias.map { parameters! + $0.lowerBound } }

  func forward(_ x: UnsafePointer<Float>, to y: UnsafeMutablePointer<Float>, rows: Int) {
    product.forward(
      x, stride: inputs, rows: rows, bias: biasValues, to: y, stride: outputs, .head)
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
    product.back(dy, stride: outputs, rows: rows.count, to: dx, stride: inputs, adding: false, .head)
  }

  private func addGradients(
    _ x: UnsafePointer<Float>, _ dy: UnsafePointer<Float>, _ groups: RowGroups,
    _ target: GradientTarget.BatchSlice
  ) {
    product.gradient(
      dy + groups.first * outputs, stride: outputs, x + groups.first * inputs, stride: inputs,
      rows: groups.rows, groups.kernel, to: target.gradients + weight.lowerBound, stride: inputs,
      adding: target.overwritten.isEmpty, .head)
    if let bias {
      groups.addColumns(of: dy, outputs, stride: outputs, kernels, to: target.gradients + bias.lowerBound)
    }
  }
}
