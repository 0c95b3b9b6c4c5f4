import Dataset
import Kernels
import Recurrent

/// Everything that decides what a training run computes: data, network, loss, optimizer, schedule, stopping, saving.
///
/// A recipe is read from YAML (`init(contentsOf:overrides:)`) or built in Swift. `effectiveYAML` writes every key with its
/// value and reads back as an equal recipe.
public struct Recipe: Sendable, Equatable {
  /// Names the run's directory and its report.
  public var name: String
  /// Keys the parameters' start, the order of samples and dropout.
  public var seed: UInt64 = 0
  /// What the operands of matrix products are rounded to; sums, parameters, states and all else stay float32.
  public var precision: KernelSet.Precision = .fp32
  public var data: DataSpecification { didSet { data.targetRange = loss.targetRange } }
  public var model: ModelSpecification
  public var loss: Loss { didSet { data.targetRange = loss.targetRange } }
  public var optimizer: OptimizerSpecification = OptimizerSpecification(.adam())
  public var schedule: ScheduleSpecification = ScheduleSpecification(.constant)
  public var train: TrainSpecification
  public var earlyStopping: EarlyStoppingSpecification?
  public var checkpoint: CheckpointSpecification = CheckpointSpecification()
  public var distributed: DistributedSpecification = DistributedSpecification()

  public init(
    name: String, data: DataSpecification, model: ModelSpecification, loss: Loss, train: TrainSpecification
  ) {
    self.name = name
    self.data = data
    self.model = model
    self.loss = loss
    self.train = train
    self.data.targetRange = loss.targetRange
  }
}

extension Loss {
  /// What its targets may be; nil for any number.
  var targetRange: ClosedRange<Float>? { self == .bceWithLogits ? 0...1 : nil }
}

/// The `model` section: an `Architecture` without what only the data knows (features and time steps).
public struct ModelSpecification: Sendable, Equatable {
  /// N, for tokens; nil for numbers.
  public var embedding: Int?
  public var embeddingDropout: Float = 0
  /// Whether the last linear layer shares the embedding's weight.
  public var tiesEmbeddings = false
  /// For pairs: what writes the target.
  public var decoder: DecoderSpecification?
  public var cell: Architecture.Cell
  public var nonlinearity: Architecture.Nonlinearity = .tanh
  /// H; not used with `cell: none`.
  public var hiddenSize: Int = 0
  public var layers: Int = 1
  public var bidirectional: Bool = false
  public var bias: Bool = true
  /// H of each layer where they differ; nil for `hiddenSize` in all.
  public var hiddenSizes: [Int]?
  public var dropout: Float = 0
  public var inputDropout: Float = 0
  public var lockedDropout: Bool = false
  public var recurrentDropout: Float = 0
  public var zoneout: Architecture.Zoneout = Architecture.Zoneout()
  public var projectionSize: Int = 0
  public var layerNorm: Bool = false
  public var residual: Bool = false
  public var learnedInitialState: Bool = false
  public var readout: Architecture.Readout = .lastStep
  /// A linear layer of width `classes` gets as many outputs as the data have classes.
  public var head: [Architecture.HeadLayer]
  /// All parameters start uniform in ±this; nil for PyTorch's start of each module.
  public var initRange: Float?

  public var initialization: Architecture.Initialization = Architecture.Initialization()

  /// A linear layer's width that the data decide.
  public static let classes = 0

  public init(cell: Architecture.Cell, hiddenSize: Int = 0, head: [Architecture.HeadLayer]) {
    self.cell = cell
    self.hiddenSize = hiddenSize
    self.head = head
  }
}

/// The `decoder` section of a model.
public struct DecoderSpecification: Sendable, Equatable {
  /// Of the vectors of the target's tokens.
  public var embedding: Int
  public var attention: Architecture.Decoder.Attention = .none
  /// Hypotheses that a search keeps, where targets are to be found: in evaluation and prediction.
  public var beam: Int = 1
  public init(embedding: Int) { self.embedding = embedding }
}

/// The `train` section.
public struct TrainSpecification: Sendable, Equatable {
  public var epochs: Int
  /// Samples per optimizer step, over all ranks together.
  public var batchSize: Int
  public var shuffle: Bool = true
  /// Batches whose samples are sorted by length before they are cut into batches; 1 for none.
  public var bucketBatches: Int = 1
  /// The largest allowed norm of the gradient of all parameters together; nil for no limit.
  public var clipNorm: Double?
  /// The largest allowed size of each element of the mean gradient; nil for no limit. Excludes `clipNorm`.
  public var clipValue: Double?
  /// Decay of the moving average of the parameters that is evaluated, 0..<1; nil for none.
  public var ema: Double?
  /// Micro-batches that a rank's part of a batch (in a strict run: each lane) is computed in; the result is that of the whole.
  public var accumulate: Int = 1
  /// Steps in a row that are skipped, whatever the cause (not finite, no sample that counts), after which training stops.
  public var maxBadSteps: Int = 10
  /// How often the validation part is evaluated.
  public var evalEveryEpochs: Int = 1
  /// How often a step gets its own line in metrics.jsonl; 0 for never.
  public var logEverySteps: Int = 0

  public init(epochs: Int, batchSize: Int) {
    self.epochs = epochs
    self.batchSize = batchSize
  }
}

/// The `early_stopping` section: stop when `patience` evaluations in a row were no improvement.
public struct EarlyStoppingSpecification: Sendable, Equatable {
  public var metric: MetricName = MetricName(.validation, .loss)
  public var patience: Int = 10
  /// The least change that counts as an improvement.
  public var minDelta: Double = 0
  public init() {}
}

/// The `checkpoint` section. The state after the last step is always saved.
public struct CheckpointSpecification: Sendable, Equatable {
  public var everyEpochs: Int?
  public var everySeconds: Double?
  public var keepLast: Int = 3
  /// Best checkpoints kept besides the last ones; 0 for none.
  public var keepBest: Int = 1
  /// What "best" means.
  public var metric: MetricName = MetricName(.validation, .loss)
  public init() {}
}

/// The `distributed` section: how ranks work together.
public struct DistributedSpecification: Sendable, Equatable {
  public enum Coordinator: String, Sendable, CaseIterable { case shared, dedicated }
  public enum Reduction: String, Sendable, CaseIterable { case fast, strict }
  /// Whether rank 0 trains too, or only evaluates, decides and saves.
  public var coordinator: Coordinator = .shared
  /// Strict: the same bits for any number of ranks.
  public var reduction: Reduction = .fast
  /// Parts that a strict run cuts each batch into; its bits depend on them.
  public var lanes: Int = 8
  public enum Compression: String, Sendable, CaseIterable { case none, bf16 }
  /// What gradients are rounded to on their way between ranks; they are added in float32.
  public var compress: Compression = .none
  /// Whether each rank updates a slice of the parameters, and keeps the optimizer's state of that slice only.
  public var optimizerSharding: Bool = false
  /// Steps between two comparisons of all ranks' parameters; 0 for none.
  public var replicaCheckEvery: Int = 100
  /// Seconds that a rank may stay away without progress before the job ends.
  public var stallTimeout: Double = 60
  public init() {}
}
