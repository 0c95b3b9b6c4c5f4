import Collective
import Diagnostics

/// What the ranks of a run do.
struct Roles {
  /// Those that hold shards, as a group of their own; on a dedicated coordinator nothing but itself.
  let workers: any Communicator
  /// How many they are.
  let trainers: Int
  /// Rank 0 of a run with a dedicated coordinator.
  let isCoordinator: Bool
  /// A rank that trains for a dedicated coordinator.
  let isWorker: Bool
  /// From the first worker to the coordinator; on these two.
  private let link: (any Communicator)?
  private let stops: (any Communicator)?

  /// All ranks make one together.
  init(_ coordinator: DistributedSpecification.Coordinator, _ all: any Communicator) throws {
    trainers = coordinator == .dedicated ? all.size - 1 : all.size
    guard coordinator == .dedicated else {
      (workers, isCoordinator, isWorker, link, stops) = (all, false, false, nil, nil)
      return
    }
    guard all.size > 1 else {
      throw Failure.usage(
        "distributed.coordinator: dedicated needs at least two ranks; start with recur launch -n 2 or more, or set it to shared"
      )
    }
    let workers = try all.part(1..<all.size)
    link = try all.part(0..<2)
    stops = try all.part(0..<2)
    self.workers = workers ?? Solo()
    isCoordinator = workers == nil
    isWorker = workers != nil
  }

  /// This rank's end of the way between first worker and coordinator.
  func makeLink(_ tensors: [UnsafeMutableBufferPointer<Float>]) throws -> CoordinatorLink? {
    guard let link, let stops else { return nil }
    return try CoordinatorLink(link, stops: stops, tensors: tensors)
  }
}
