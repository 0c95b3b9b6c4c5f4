import Diagnostics

extension RunDirectory {
  /// Which checkpoint of a run is meant.
  public enum Selection: Equatable, Sendable {
    /// The best by the run's validation metric, where there is one; else the newest.
    case best
    case newest
    /// That after so many steps.
    case step(Int)
  }

  /// The checkpoint that `path` names: a file, an index (`latest`, `best`), or one of a run directory.
  /// Takes no lock. Throws `missingInput` where there is none, `badData` where none is valid, `usage` where a file leaves nothing to
  /// choose.
  public static func checkpoint(
    at path: String, choosing choice: Selection = .newest, fileSystem: FileSystem = .real
  ) throws(Failure) -> Search {
    let path = FileSystem.absolute(path)
    guard fileSystem.isDirectory(path) else {
      if case .step(let step) = choice {
        throw .usage("\(path) is a file, which has one step; name the run directory to choose step \(step)")
      }
      return Search(file: try CheckpointFile(reading: path, fileSystem: fileSystem), skipped: [])
    }
    let run = try Directory(path, fileSystem)
    let directory = try run.directory(checkpoints, makes: false) ?? run
    if case .step(let step) = choice { return try find(step, in: directory) }
    let search = try choice == .best ? bestOrNewestValid(in: directory) : newestValid(in: directory)
    if search.file != nil { return search }
    guard let first = search.skipped.first else { throw .missingInput("\(path) holds no checkpoint") }
    throw .badData("\(path) holds no checkpoint that can be used; the newest: \(first.reason)")
  }

  private static func find(_ step: Int, in directory: Directory) throws(Failure) -> Search {
    let steps = try steps(in: directory)
    guard steps.contains(step) else {
      let held = steps.reversed().map(String.init).joined(separator: ", ")
      throw .missingInput(
        "\(directory.path) has no checkpoint of step \(step); it has \(held.isEmpty ? "none" : "those of steps \(held)")"
      )
    }
    return Search(file: try verified(step, in: directory).get(), skipped: [])
  }

  /// The best by the metric that the newest one's recipe chooses by, if any.
  private static func bestOrNewestValid(in directory: Directory) throws(Failure) -> Search {
    let newest = try newestValid(in: directory)
    guard let state = newest.file?.state, let metric = choosingMetric(state) else { return newest }
    let name = Name(metric.description)
    let best = try bestValid(in: directory) { $0.monitored.map { Name($0.name) } == name }
    guard let file = best.file, let monitored = file.state.monitored else { return newest }
    return Search(
      file: file, skipped: best.skipped, chosenBy: monitored,
      lostBest: state.best(by: metric, over: monitored.value))
  }

  /// The best checkpoint beside this one that its run had by then; nil where there is none, or the folder can't be read.
  package static func best(upTo file: CheckpointFile, by metric: MetricName) -> CheckpointFile? {
    let (state, name) = (file.state, Name(metric.description))
    let search = try? bestValid(in: Directory(FileSystem.directory(of: file.path), .real)) {
      $0.runID == state.runID && $0.step <= state.step && $0.monitored.map { Name($0.name) } == name
    }
    return search?.file
  }

  /// Saves a checkpoint of another run's, under this state.
  package func save(_ state: CheckpointState, tensorsOf file: CheckpointFile) throws(Failure) {
    defer { withExtendedLifetime(file) {} }
    let tensors = file.tensors.map { tensor in
      tensor.withValues { NamedTensor(name: tensor.name, shape: tensor.shape, values: $0) }
    }
    try save(state, tensors)
  }

  private static func choosingMetric(_ state: CheckpointState) -> MetricName? {
    let recipe = try? Recipe(yaml: state.recipe, path: "recipe of the checkpoint", baseDirectory: "/")
    return recipe?.checkpoint.choosingMetric
  }
}

extension CheckpointState {
  /// Of the trainer's counters, what a choice looks at.
  private struct BestCounter: Codable { var best: Double? }

  /// The best value that the run had by then, where it is better than this one.
  fileprivate func best(by metric: MetricName, over value: Double) -> Monitored? {
    let counters = try? extra["counters"]?.decode(as: BestCounter.self, in: "counters")
    guard let best = counters?.best, metric.isImprovement(best, over: value) else { return nil }
    return Monitored(name: metric.description, value: best, higherIsBetter: metric.increases)
  }
}

extension CheckpointSpecification {
  /// What the best parameters are chosen by; nil where none are: training's own loss says nothing about other data.
  package var choosingMetric: MetricName? { keepBest > 0 && metric.part == .validation ? metric : nil }
}
