import Kernels

/// Everything a run needs to go on besides tensors. It is stored as JSON text in the checkpoint's header.
///
/// Parts whose shape belongs to others (scaler, schedule, …) are JSON values: fill them with `JSONValue(encoding:)`,
/// read them with `decode(as:in:)`. Doubles come back with the same bits; NaN and the infinities are kept as words.
public struct CheckpointState: Codable, Equatable, Sendable {
  public struct OptimizerProgress: Codable, Equatable, Sendable {
    public var name: String
    /// Steps that counted: Adam's t. Skipped steps do not count.
    public var t: Int
    public init(name: String, t: Int) {
      self.name = name
      self.t = t
    }
  }
  public struct EarlyStoppingProgress: Codable, Equatable, Sendable {
    /// The best value so far; nil before the first.
    public var best: Double?
    /// Evaluations since then.
    public var wait: Int
    public init(best: Double? = nil, wait: Int = 0) {
      self.best = best
      self.wait = wait
    }
  }
  /// The value that decides which checkpoints are best, where it was measured for these very parameters.
  public struct Monitored: Codable, Equatable, Sendable {
    /// For example `validation.loss`.
    public var name: String
    public var value: Double
    public var higherIsBetter: Bool
    public init(name: String, value: Double, higherIsBetter: Bool = false) {
      self.name = name
      self.value = value
      self.higherIsBetter = higherIsBetter
    }
    enum CodingKeys: String, CodingKey {
      case name, value
      case higherIsBetter = "higher_is_better"
    }
  }

  /// The newest format this program writes and reads.
  public static let currentFormat = 1

  public var formatVersion: Int = currentFormat
  /// Name and version of the program that wrote it.
  public var program: String
  /// Drawn when the run was created; all checkpoints of a run share it.
  public var runID: String
  /// The effective recipe, YAML.
  public var recipe: String
  /// What the recipe's architecture amounts to; compared on resume.
  public var architecture: JSONValue = .null
  /// Epochs finished.
  public var epoch: Int = 0
  /// Optimizer steps finished since the run began.
  public var step: Int = 0
  /// Samples of the current epoch's permutation that are used up.
  public var position: Int = 0
  public var seed: UInt64
  public var scaler: JSONValue = .null
  public var classNames: [String]?
  public var optimizer: OptimizerProgress
  public var schedule: JSONValue = .null
  public var earlyStopping: EarlyStoppingProgress = EarlyStoppingProgress()
  public var monitored: Monitored?
  /// Mean training loss of each finished epoch.
  public var epochLosses: [Double] = []
  /// Metrics so far, in the shape their owner gives them.
  public var metrics: JSONValue = .null
  /// Anything else that must continue: sums of the unfinished epoch, counters, …
  // text: keys of this program; the reader has refused equal ones.
  public var extra: [String: JSONValue] = [:]
  public var dataFingerprint: String = ""
  /// The instruction-set family whose kernels made these bits, for example `avx512`.
  public var kernelFamily: String = ""
  /// The products that a BLAS computed in place of these kernels; nil where none did.
  public var products: ProductChoices?
  /// The collective of MPI that added the gradients; nil for own sums.
  package var sums: SumChoice?
  /// Wall time of training so far, all processes of the run together.
  public var elapsedSeconds: Double = 0
  /// Length of `metrics.jsonl` when the snapshot was taken; `RunDirectory.save` fills it in.
  public var metricsBytes: Int = 0

  public init(
    program: String, runID: String, recipe: String, seed: UInt64, optimizer: OptimizerProgress
  ) {
    self.program = program
    self.runID = runID
    self.recipe = recipe
    self.seed = seed
    self.optimizer = optimizer
  }

  enum CodingKeys: String, CodingKey {
    case program, recipe, architecture, epoch, step, position, seed, scaler, optimizer, schedule
    case monitored, metrics, extra, products, sums
    case formatVersion = "format_version"
    case runID = "run_id"
    case classNames = "class_names"
    case earlyStopping = "early_stopping"
    case epochLosses = "epoch_losses"
    case dataFingerprint = "data_fingerprint"
    case kernelFamily = "kernel_family"
    case elapsedSeconds = "elapsed_seconds"
    case metricsBytes = "metrics_bytes"
  }
}

extension CheckpointState {
  /// Where in a run a state is: after its last batch an epoch is saved with the same step as after its end.
  package struct RunPosition: Equatable, Sendable {
    package var epoch: Int
    package var step: Int
    package var position: Int

    package init(epoch: Int, step: Int, position: Int) {
      self.epoch = epoch
      self.step = step
      self.position = position
    }
  }

  package var place: RunPosition { RunPosition(epoch: epoch, step: step, position: position) }
}

/// A collective of an MPI that adds gradients, by their names.
package struct SumChoice: Codable, Equatable, Sendable {
  package let engine: String
  package let library: String

  package init(engine: String, library: String) {
    (self.engine, self.library) = (engine, library)
  }
}
