import Batches
import Collective
import Dataset
import Recurrent

/// Computes a run's steps and evaluations in place of the processor. The run's model, optimizer, average and streams are its copy in host
/// memory, current only after `fetch`.
package protocol StepDevice: EvaluationDevice {
  /// For people and checkpoints.
  var name: String { get }
  /// How it computes the steps.
  var engine: EngineEvent { get }
  /// How gradients are summed, after the step that decided it.
  var choice: GradientReduction.Choice? { get }
  /// Of each step, where several are taken at once.
  var stepNanoseconds: UInt64? { get }
  /// What may be computed before it is asked for; nil for nothing.
  var ahead: StepsAhead? { get set }

  /// As `TrainingStep.run`.
  func run(
    _ samples: UnsafeBufferPointer<Int32>, step: Int, learningRate: Double, stop: Bool, save: Bool
  ) throws -> StepOutcome
  /// Makes the copy in host memory current.
  func fetch() throws
  /// Tells that the copy in host memory was changed.
  func copyChanged()
  /// Streams begin anew, those of the copy have.
  func resetStreams() throws
}

/// The steps of an epoch, of which a device may take some before they are asked for.
package struct StepsAhead {
  /// The epoch's samples in their order; batches are consecutive.
  package let samples: UnsafeBufferPointer<Int32>
  /// Samples of a batch.
  package let batch: Int
  /// The learning rate after so many updates.
  package let rate: (Int) -> Double
}

/// What computes a run's steps.
public struct Processor {
  /// Makes ready to compute a run's steps; nil where the cores of this machine are to compute them.
  package var makeDevice: ((DeviceTask) throws -> (any StepDevice)?)?

  package init(makeDevice: ((DeviceTask) throws -> (any StepDevice)?)?) { self.makeDevice = makeDevice }

  /// The cores of this machine.
  public static var cpu: Processor { Processor(makeDevice: nil) }
}

/// The run that a device is asked to compute.
package struct DeviceTask {
  package let recipe: Recipe
  package let step: TrainingStep
  /// The most samples this rank gets in a step.
  package let part: Int
  /// That, or the most it evaluates at once.
  package let capacity: Int
  /// The first samples of the run, this rank's part of a batch, to try with.
  package let samples: UnsafeBufferPointer<Int32>
}
