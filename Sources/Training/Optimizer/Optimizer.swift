import CKernels
import Diagnostics
import Kernels
import Recurrent

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Changes parameters by their gradients; semantics of `torch.optim`. All state lies in flat buffers of the model's layout.
public final class Optimizer {
  /// A buffer of state with its PyTorch name, for example `exp_avg`.
  package struct StateBuffer {
    package let name: String
    package let values: UnsafeMutableBufferPointer<Float>
  }

  public let specification: OptimizerSpecification
  /// Elements of each buffer.
  public let count: Int
  /// Updates done; Adam's t.
  public private(set) var steps: Int = 0
  package let buffers: [StateBuffer]
  /// The elements that it changes.
  private let trained: [Range<Int>]
  private let kernels: KernelSet
  private var settings: rk_optimizer
  /// Of a rule whose step depends on the norms of each tensor.
  private let layerwise: LayerwiseUpdate?

  /// Changes parameters that are one tensor.
  public convenience init(_ specification: OptimizerSpecification, count: Int, kernels: KernelSet = .best) {
    self.init(specification, count: count, trained: nil, tensors: nil, kernels: kernels)
  }

  /// Changes parameters of a layout, tensor by tensor where the rule asks for it.
  public convenience init(
    _ specification: OptimizerSpecification, _ layout: ParameterLayout, kernels: KernelSet = .best
  ) {
    self.init(
      specification, count: layout.count, trained: nil, tensors: TrainedTensors(layout), kernels: kernels)
  }

  /// - trained: the elements that it changes, rising; nil for all.
  /// - tensors: of those elements; nil for one that has all.
  init(
    _ specification: OptimizerSpecification, count: Int, trained: [Range<Int>]?, tensors: TrainedTensors?,
    kernels: KernelSet = .best
  ) {
    self.trained = trained ?? [0..<count]
    layerwise = LayerwiseUpdate(specification, tensors ?? TrainedTensors(count: count), count: count, kernels)
    self.specification = specification
    self.count = count
    self.kernels = kernels
    settings = specification.settings
    buffers = specification.bufferNames.map { name in
      let values = UnsafeMutableBufferPointer<Float>.allocate(capacity: count)
      values.initialize(repeating: 0)
      return StateBuffer(name: name, values: values)
    }
  }

  deinit {
    for buffer in buffers { buffer.values.deallocate() }
  }

  /// Continues a saved run after the buffers were filled.
  public func restore(steps: Int) { self.steps = steps }

  /// One step.
  /// - team: the threads that share the work; nil for the caller alone. The bits are the same.
  /// - scale: what the gradients are multiplied with first (1 / weight sum, times the clip factor).
  package func update(
    _ parameters: UnsafeMutableBufferPointer<Float>, gradients: UnsafeMutableBufferPointer<Float>,
    scale: Float = 1, learningRate: Double, team: Team? = nil
  ) {
    update(parameters, gradients: gradients, scale: scale, learningRate: learningRate, team: team) { _ in }
  }

  /// One step of ranks that may each have a slice of the parameters.
  /// - addNorms: adds up over these ranks.
  func update(
    _ parameters: UnsafeMutableBufferPointer<Float>, gradients: UnsafeMutableBufferPointer<Float>,
    scale: Float, learningRate: Double, team: Team?,
    addNorms: (UnsafeMutableBufferPointer<Double>) throws -> Void
  ) rethrows {
    precondition(parameters.count == count && gradients.count == count)
    guard let parameters = parameters.baseAddress, let gradients = gradients.baseAddress else { return }
    settings.gradient_scale = scale
    settings.lr = Float(learningRate)
    settings.first_step = steps == 0 ? 1 : 0
    steps += 1
    settings.bias1 = Float(1 - pow(settings.beta1, Double(steps)))
    settings.bias2_sqrt = Float((1 - pow(settings.beta2, Double(steps))).squareRoot())
    if let layerwise {
      return try layerwise.update(parameters, gradients, state(0), state(1), settings, team, addNorms)
    }
    for range in trained {
      guard let team else {
        update(parameters, gradients, range)
        continue
      }
      team.run(.optimizer, operations: range.count) { share in
        let part = share.of(range.count, grain: 64)
        update(
          parameters, gradients, range.lowerBound + part.lowerBound..<range.lowerBound + part.upperBound)
      }
    }
  }

  /// One step of parameters that are no model's.
  /// - Parameters:
  ///   - scale: what the gradients are multiplied with first.
  ///   - learningRate: the specification's if not given.
  /// - Throws: `badData` where there are not `count` of each.
  public func update(
    _ parameters: inout [Float], gradients: [Float], scale: Float = 1, learningRate: Double? = nil
  ) throws(Failure) {
    guard parameters.count == count, gradients.count == count else {
      throw .badData(
        "this optimizer changes \(count) parameters, not \(parameters.count) by \(gradients.count) gradients")
    }
    var gradients = gradients
    parameters.withUnsafeMutableBufferPointer { parameters in
      gradients.withUnsafeMutableBufferPointer { gradients in
        update(
          parameters, gradients: gradients, scale: scale,
          learningRate: learningRate ?? specification.learningRate)
      }
    }
  }

  /// The update of some elements; elements don't depend on one another.
  private func update(
    _ parameters: UnsafeMutablePointer<Float>, _ gradients: UnsafeMutablePointer<Float>, _ range: Range<Int>
  ) {
    let (start, count) = (range.lowerBound, range.count)
    let (p, g) = (parameters + start, gradients + start)
    let first = state(0).map { $0 + start }
    let second = state(1).map { $0 + start }
    var settings = settings
    switch specification.rule {
    case .sgd: kernels.functions.sgd(&settings, p, g, first, count)
    case .adam, .adamW: kernels.functions.adam(&settings, p, g, first!, second!, count)
    case .rmsprop: kernels.functions.rmsprop(&settings, p, g, first!, second, count)
    case .lamb, .lars: preconditionFailure("LayerwiseUpdate has it")
    }
  }

  private func state(_ index: Int) -> UnsafeMutablePointer<Float>? {
    index < buffers.count ? buffers[index].values.baseAddress : nil
  }
}

extension OptimizerSpecification {
  /// PyTorch's names of the state the rule keeps per parameter.
  package var bufferNames: [String] {
    switch rule {
    case .sgd(let sgd): sgd.momentum == 0 ? [] : ["momentum_buffer"]
    case .adam, .adamW, .lamb: ["exp_avg", "exp_avg_sq"]
    case .lars(let lars): lars.momentum == 0 ? [] : ["momentum_buffer"]
    case .rmsprop(let rmsprop): rmsprop.momentum == 0 ? ["square_avg"] : ["square_avg", "momentum_buffer"]
    }
  }

  fileprivate var settings: rk_optimizer {
    var settings = rk_optimizer()
    settings.weight_decay = Float(weightDecay)
    switch rule {
    case .sgd(let sgd):
      settings.momentum = Float(sgd.momentum)
      settings.dampening = Float(sgd.dampening)
      settings.nesterov = sgd.nesterov ? 1 : 0
    case .adam(let adam), .adamW(let adam):
      settings.beta1 = adam.beta1
      settings.beta2 = adam.beta2
      settings.eps = Float(adam.eps)
      if case .adamW = rule { settings.decoupled = 1 }
    case .rmsprop(let rmsprop):
      settings.beta2 = rmsprop.alpha
      settings.eps = Float(rmsprop.eps)
      settings.momentum = Float(rmsprop.momentum)
    case .lamb(let lamb):
      settings.beta1 = lamb.adam.beta1
      settings.beta2 = lamb.adam.beta2
      settings.eps = Float(lamb.adam.eps)
    case .lars(let lars):
      settings.momentum = Float(lars.momentum)
      settings.nesterov = lars.nesterov ? 1 : 0
    }
    return settings
  }
}
