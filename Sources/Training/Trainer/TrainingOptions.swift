import Dataset
import Kernels
import Recipes
import Recurrent

/// Where a run starts from.
public enum ResumeChoice: Sendable, Equatable {
  /// The newest valid checkpoint of the output directory, or the beginning where there is none.
  case auto
  /// The beginning.
  case never
  /// This checkpoint.
  case file(String)
}

/// What a run needs to know besides its recipe; nothing here changes what is computed.
public struct TrainingOptions: Sendable, Equatable {
  /// nil for `runs/<name>-<timestamp>` in the current directory.
  public var outputDirectory: String?
  public var resume: ResumeChoice = .never
  /// Whether a run that the output directory holds may be removed.
  public var overwrite: Bool = false
  /// Where rank 0 writes what each rank did when, for chrome://tracing or Perfetto; nil for nowhere.
  public var tracePath: String?
  /// The folder for TensorBoard's events; nil for that of the run where `train.tensorboard` asks for it.
  public var tensorboardPath: String?
  /// Threads per rank; nil for the cores this rank may use. The bits are the same for any number, where own kernels compute.
  public var threads: Int?
  /// Who computes large products; nil for what the environment says.
  package var products: ProductMode?
  /// Whether batches that take long may be gathered on a thread of their own.
  package var gathersAhead = true
  /// What the run directory is written with: tests let calls fail or take long.
  package var fileSystem = FileSystem.real
  public init() {}
}

/// Follows a run: all calls come from the training thread of rank 0, and none of them per step.
public protocol TrainingObserver: AnyObject {
  func started(_ start: TrainingStart)
  /// At most ten times a second.
  func progress(_ progress: TrainingProgress)
  func epochEnded(_ epoch: EpochSummary)
  /// `path` is durable and has been read back.
  func checkpointSaved(path: String)
  /// A line a person should see (a skipped step, a fallback, a warning).
  func note(_ line: String)
  /// What the network says now, for TensorBoard; asked for at saves where a run writes events, nil for no picture.
  func picture(_ recipe: Recipe, _ data: LoadedData, _ model: Model) -> TrainingPicture?
}

extension TrainingObserver {
  public func picture(_ recipe: Recipe, _ data: LoadedData, _ model: Model) -> TrainingPicture? { nil }
}

/// What is known before the first step.
public struct TrainingStart: Sendable, Equatable {
  /// Absolute.
  public var outputDirectory: String
  public var parameters: Int
  public var ranks: Int
  /// The machines of the ranks, each once.
  public var hosts: [String]
  public var threads: Int
  /// What computes: `cpu`, or the GPU's name.
  public var device: String
  public var epochs: Int
  public var stepsPerEpoch: Int
  public var trainSamples: Int
  public var validationSamples: Int
  public var testSamples: Int
  /// Samples of the data that no part has.
  public var unusedSamples: Int
  /// How much one unit of a target, as it is scaled, is in the units of the file; nil where targets or series differ in it.
  public var targetUnit: Double?
  /// The checkpoint the run continues, with its epochs done; nil for a run from the beginning.
  public var resumedFrom: String?
  /// Where the first parameters came from, where a file was read for them just now.
  public var weights: WeightsReport?
  public var firstEpoch: Int
}

public struct TrainingProgress: Sendable, Equatable, Codable {
  /// From 0.
  public var epoch: Int
  public var epochs: Int
  /// Steps done in this epoch.
  public var step: Int
  public var steps: Int
  /// Mean training loss of the epoch so far.
  public var loss: Double
  public var samplesPerSecond: Double
  /// Seconds to the end of the last epoch.
  public var timeLeft: Double
}

public struct EpochSummary: Sendable, Equatable {
  /// From 0.
  public var epoch: Int
  public var epochs: Int
  public var step: Int
  public var trainLoss: Double
  public var trainAccuracy: Double?
  public var validation: EvaluationMetrics?
  /// Of the epoch's last step, warm-up included.
  public var learningRate: Double?
  public var seconds: Double
  public var samplesPerSecond: Double
  public var skippedSteps: Int
  /// Of several ranks.
  public var slowest: SlowestRank?
}
