import Diagnostics

extension RunDirectory {
  /// The outcome of looking for a checkpoint.
  public struct Search {
    public struct Skipped: Equatable, Sendable {
      public let path: String
      public let reason: String
    }
    public let file: CheckpointFile?
    /// Others that can't be used, newest first.
    public let skipped: [Skipped]
    /// What made it the best; nil where it was not chosen so.
    public var chosenBy: CheckpointState.Monitored?
    /// A better value that the run had, whose checkpoint is missing or damaged.
    public var lostBest: CheckpointState.Monitored?
  }

  /// Why a checkpoint was renamed, so that nobody takes it for one of this run any more. Nothing is deleted.
  enum SetAside: CaseIterable {
    case damaged, superseded
    var suffix: String { self == .damaged ? ".damaged" : ".superseded" }
  }

  /// Goes on from a checkpoint, see `RunClaim.resume`.
  func goOn(from file: CheckpointFile?, recipe: String) throws(Failure) {
    let step = file?.state.step ?? -1
    for name in try writer.directory.names() {
      guard let other = CatalogueEntry.step(in: name) else { continue }
      let found = RunDirectory.verified(other, in: writer.directory)
      switch found {
      case _ where other > step:
        try setAside(name, (try? found.get()) == nil ? .damaged : .superseded)
      case .success(let found): writer.found(found)
      case .failure(let failure):
        // Rotation must not see it: if only reading failed just now, it may be the best.
        writer.report(.note("\(failure); it stays where it is"))
      }
    }
    handed = writer.newest?.place
    writer.updateIndex()
    let missing = try writer.metrics.cut(to: file?.state.metricsBytes ?? 0)
    if missing > 0 {
      writer.report(
        .note("\(writer.metrics.path) is \(missing) bytes shorter than it was: lines are missing"))
    }
    try directory.replace(RunDirectory.recipe, with: recipe)
    try throwFailure()
  }

  private func setAside(_ name: String, _ reason: SetAside) throws(Failure) {
    try writer.directory.rename(name, to: name + reason.suffix)
    try writer.directory.synchronize()
    writer.report(.note("\(writer.directory.path(name)) is now called \(name)\(reason.suffix)"))
  }
}

extension RunDirectory {
  static func newestValid(in directory: Directory) throws(Failure) -> Search {
    var skipped: [Search.Skipped] = []
    for step in try steps(in: directory) {
      switch verified(step, in: directory) {
      case .success(let file): return Search(file: file, skipped: skipped)
      case .failure(let failure): skipped.append(skip(step, directory, failure))
      }
    }
    return Search(file: nil, skipped: skipped)
  }

  /// - qualifies: whether a checkpoint may be the best.
  static func bestValid(
    in directory: Directory, where qualifies: (CheckpointState) -> Bool = { _ in true }
  ) throws(Failure) -> Search {
    var skipped: [Search.Skipped] = []
    var best: (file: CheckpointFile, entry: CatalogueEntry)?
    for step in try steps(in: directory) {
      switch verified(step, in: directory) {
      case .failure(let failure): skipped.append(skip(step, directory, failure))
      case .success(let file) where qualifies(file.state):
        let entry = CatalogueEntry(step: step, monitored: file.state.monitored, isVerified: true)
        if [entry, best?.entry].compactMap({ $0 }).byRank.first == entry { best = (file, entry) }
      case .success: break
      }
    }
    return Search(file: best?.file, skipped: skipped)
  }

  private static func skip(_ step: Int, _ directory: Directory, _ failure: Failure) -> Search.Skipped {
    let path = directory.path(CatalogueEntry.name(of: step))
    let (message, prefix) = (failure.message.utf8, "\(path): ".utf8)
    // The path once is enough.
    let reason = message.starts(with: prefix) ? message.dropFirst(prefix.count) : message[...]
    return Search.Skipped(path: path, reason: String(Substring(reason)))
  }

  /// Steps of the checkpoints in a directory, newest first.
  static func steps(in directory: Directory) throws(Failure) -> [Int] {
    try directory.names().compactMap(CatalogueEntry.step).sorted(by: >)
  }

  /// The checkpoint of a step, which must be what its name says.
  static func verified(_ step: Int, in directory: Directory) -> Result<CheckpointFile, Failure> {
    Result { () throws(Failure) in
      let file = try CheckpointFile(directory.open(CatalogueEntry.name(of: step), .read))
      guard file.state.step == step else {
        throw .badData("\(file.path): it holds step \(file.state.step): the file was renamed")
      }
      return file
    }
  }
}
