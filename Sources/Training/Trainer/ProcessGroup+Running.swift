import Collective
import Dataset

/// What a program runs a recipe with.
extension LoadedData {
  /// The data of a recipe, which the processes of a group read and hold together where the files are large.
  public init(_ specification: DataSpecification, group: ProcessGroup) throws {
    try self.init(specification, peers: group.communicator.loadingPeers)
  }
}

extension Trainer {
  /// Prepares the run and, on rank 0, its directory: last of all, so that what is refused changes and begins nothing.
  /// - Parameters:
  ///   - group: the processes that train together.
  ///   - observer: told of progress on rank 0.
  ///   - processor: what computes; checkpoints are the same files for any.
  /// - Throws: a `Failure` where recipe, data, checkpoint and directory don't fit together.
  public convenience init(
    recipe: Recipe, data: LoadedData, options: TrainingOptions = TrainingOptions(),
    group: ProcessGroup = ProcessGroup(), observer: (any TrainingObserver)? = nil, processor: Processor = .cpu
  ) throws {
    try self.init(
      recipe: recipe, data: data, options: options, communicator: group.communicator, observer: observer,
      processor: processor)
  }
}
