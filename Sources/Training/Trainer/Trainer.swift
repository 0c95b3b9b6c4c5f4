import Collective
import Dataset
import Diagnostics
import Recurrent

/// Runs a recipe on data: all ranks make one, with equal arguments and their own communicator.
public final class Trainer {
  /// Prepares the run and, on rank 0, its directory.
  /// - observer: told of progress on rank 0.
  /// - Throws: a `Failure` where recipe, data, checkpoint and directory don't fit together.
  public init(
    recipe: Recipe, data: LoadedData, options: TrainingOptions = TrainingOptions(),
    communicator: any Communicator, observer: (any TrainingObserver)? = nil
  ) throws {
    fatalError("not written yet")
  }

  /// Trains to the end, or until `requestStop`. The report's status tells which.
  public func run() throws -> TrainingReport { fatalError("not written yet") }

  /// Asks for a stop after the current step, with everything saved. May be called from any thread or a signal handler.
  public func requestStop() {}
}
