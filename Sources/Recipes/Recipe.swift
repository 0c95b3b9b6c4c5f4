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
  public var data: DataSpecification { didSet { data.limitTargets(for: loss) } }
  public var model: ModelSpecification
  public var loss: Loss { didSet { data.limitTargets(for: loss) } }
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
    self.data.limitTargets(for: loss)
  }
}

extension Loss {
  /// What its targets may be; nil for any number.
  var targetRange: ClosedRange<Float>? {
    takesCounts ? 0 ... .greatestFiniteMagnitude : self == .bceWithLogits ? 0...1 : nil
  }
}

extension DataSpecification {
  fileprivate mutating func limitTargets(for loss: Loss) {
    (targetRange, targetsAreCounts) = (loss.targetRange, loss.takesCounts)
  }
}
