import Kernels

/// A loss over the outputs of one batch, as a *sum* and the sum of weights to divide it by.
///
/// Whoever wants a mean divides once, after adding up all parts of a batch: the result then does not depend on the parts.
public enum Loss: Sendable, Equatable, Codable {
  case mse
  case mae
  /// PyTorch's `HuberLoss(delta)`.
  case huber(delta: Float)
  /// PyTorch's `CrossEntropyLoss(weight, ignore_index, label_smoothing)`.
  case crossEntropy(ignoreIndex: Int32 = -100, classWeights: [Float]? = nil, labelSmoothing: Float = 0)
  /// PyTorch's `BCEWithLogitsLoss`.
  case bceWithLogits
  /// The mean of the pinball losses of these levels, rising and between 0 and 1 (multi-quantile loss); one output for each level.
  case quantile(levels: [Double])
  /// PyTorch's `GaussianNLLLoss(full=True)`; outputs are mean and raw deviation.
  case gaussianNLL
  /// The negative log-likelihood of Student's t; outputs are location, raw scale and raw degrees of freedom.
  case studentT
  /// The negative log-likelihood of Poisson's distribution; the output is the raw rate.
  case poisson
  /// The negative log-likelihood of the negative binomial distribution; outputs are raw mean and raw dispersion.
  case negativeBinomial

  /// A loss that was summed, not averaged.
  public struct Total: Sendable, Equatable {
    public var sum: Double
    /// Targets for losses of numbers, class weight of the items not ignored for cross entropy; times the weights of their rows.
    public var weight: Double
    public init(sum: Double = 0, weight: Double = 0) {
      self.sum = sum
      self.weight = weight
    }
  }

  /// Whether targets are class numbers rather than values.
  public var takesClasses: Bool { if case .crossEntropy = self { true } else { false } }

  /// Whether targets are counts: whole numbers from 0 on.
  public var takesCounts: Bool { self == .poisson || self == .negativeBinomial }

  /// How many outputs say something about one number to predict, one after the other; 1 for classes.
  public var outputsPerTarget: Int {
    switch self {
    case .mse, .mae, .huber, .crossEntropy, .bceWithLogits: 1
    case .quantile(let levels): levels.count
    case .gaussianNLL: Gaussian.parameters
    case .studentT: StudentT.parameters
    case .poisson: Poisson.parameters
    case .negativeBinomial: NegativeBinomial.parameters
    }
  }

  /// The summed loss of rows of outputs, and its gradient where asked for. What nobody knows and what has no weight counts
  /// nowhere: its gradient is 0.
  /// - outputs: `[rows, width]`, for numbers `[rows, targets, outputsPerTarget]`.
  /// - targets: of these rows.
  /// - gradient: `[rows, width]`, overwritten with the gradient of the *sum*.
  /// - start: of rows before these; the result has the bits of all as one call.
  package func evaluate(
    outputs: UnsafePointer<Float>, rows: Int, width: Int, targets: Targets,
    gradient: UnsafeMutablePointer<Float>?, kernels: KernelSet = .preferred,
    addingTo start: Total = Total()
  ) -> Total {
    func sum(_ loss: some TargetLoss) -> Total {
      Loss.sum(loss, outputs, rows, width, targets, gradient, start)
    }
    switch self {
    case .mse: return sum(SquaredError())
    case .mae: return sum(AbsoluteError())
    case .huber(let delta): return sum(HuberError(delta: delta))
    case .bceWithLogits:
      if let gradient { kernels.functions.sigmoid(outputs, gradient, rows * width) }
      return sum(BinaryCrossEntropy())
    case .quantile(let levels): return sum(Pinball(levels))
    case .gaussianNLL: return sum(Likelihood<Gaussian>())
    case .studentT: return sum(Likelihood<StudentT>())
    case .poisson: return sum(Likelihood<Poisson>())
    case .negativeBinomial: return sum(Likelihood<NegativeBinomial>())
    case .crossEntropy(let ignoreIndex, let classWeights, let smoothing):
      let loss = CrossEntropy(ignoreIndex, classWeights, smoothing, width, kernels)
      var total = start
      for row in 0..<rows {
        loss.terms(row, outputs + row * width, targets, gradient.map { $0 + row * width }).add(to: &total)
      }
      return total
    }
  }

  /// The same of targets that are all known and count alike.
  /// - values: targets `[rows, targets]`; used by losses of numbers.
  /// - classes: targets `[rows]` in `0..<width`, or the ignored index; used by cross entropy.
  package func evaluate(
    outputs: UnsafePointer<Float>, rows: Int, width: Int, values: UnsafePointer<Float>,
    classes: UnsafePointer<Int32>, gradient: UnsafeMutablePointer<Float>?, kernels: KernelSet = .preferred,
    addingTo start: Total = Total()
  ) -> Total {
    evaluate(
      outputs: outputs, rows: rows, width: width, targets: Targets(values: values, classes: classes),
      gradient: gradient, kernels: kernels, addingTo: start)
  }
}
