/// What `recur train --json` prints: the outcome of a run. Keys are snake_case in JSON.
public struct TrainingReport: Codable, Sendable, Equatable {
  public enum Status: String, Codable, Sendable {
    case completed
    case earlyStopped = "early_stopped"
    /// Stopped from outside and saved: the process should exit with 75.
    case interrupted
  }
  public struct StepTime: Codable, Sendable, Equatable {
    public var median: Double
    public var p95: Double
  }

  public var command: String = "train"
  public var status: Status
  /// The recipe's name.
  public var recipe: String
  /// Count of all parameters.
  public var parameters: Int
  public var ranks: Int
  /// The machines of the ranks, each once.
  public var hosts: [String]
  public var threads: Int
  /// What computed: `cpu`, or the GPU's name.
  public var device: String
  /// Epochs done, those before a resume included.
  public var epochs: Int
  public var steps: Int
  public var skippedSteps: Int
  /// Mean over the last epoch.
  public var trainLoss: Double?
  public var trainAccuracy: Double?
  /// One mean training loss per epoch.
  public var epochLosses: [Double]
  /// Where the first parameters came from, of a run with `train.init_from`.
  public var initFrom: WeightsReport?
  /// The validation and test parts, where there are such parts, measured with the best parameters by `checkpoint.metric` where that is
  /// of the validation part, else with the last ones: those after `evaluatedStep`, `evaluatedEpoch` epochs.
  public var validation: EvaluationMetrics?
  public var test: EvaluationMetrics?
  public var evaluatedStep: Int?
  public var evaluatedEpoch: Int?
  public var seconds: Double
  public var samplesPerSecond: Double
  public var stepMilliseconds: StepTime
  public var runDirectory: String
  /// Absolute path of the checkpoint that holds the last state.
  public var checkpoint: String
  public var bestCheckpoint: String?
  /// Over the parameter tensors' bytes in layout order.
  public var parametersSHA256: String

  enum CodingKeys: String, CodingKey {
    case command, status, recipe, parameters, ranks, hosts, threads, device, epochs, steps, validation, test,
      seconds, checkpoint
    case evaluatedStep = "evaluated_step"
    case evaluatedEpoch = "evaluated_epoch"
    case skippedSteps = "skipped_steps"
    case trainLoss = "train_loss"
    case trainAccuracy = "train_accuracy"
    case epochLosses = "epoch_losses"
    case initFrom = "init_from"
    case samplesPerSecond = "samples_per_second"
    case stepMilliseconds = "step_milliseconds"
    case runDirectory = "run_directory"
    case bestCheckpoint = "best_checkpoint"
    case parametersSHA256 = "parameters_sha256"
  }
}
