import Diagnostics

extension RunDirectory {
  /// The outcome of looking for a checkpoint.
  public struct Search {
    public struct Skipped: Equatable, Sendable {
      public let path: String
      public let reason: String
    }
    public let file: CheckpointFile?
    /// Newer ones that can't be used, newest first.
    public let skipped: [Skipped]
  }

  /// Why a checkpoint was renamed, so that nobody takes it for one of this run any more. Nothing is deleted.
  enum SetAside: CaseIterable {
    case damaged, superseded
    var suffix: String { self == .damaged ? ".damaged" : ".superseded" }
  }

  /// The newest checkpoint that can be used, and why newer ones can't. The index files are not consulted.
  ///
  /// Where there are checkpoints but none is valid, `file` is nil and `skipped` is not empty: starting anew would
  /// hide a loss, so ask the user.
  public func newestValid() throws(Failure) -> Search {
    try waitForSaves()
    return try RunDirectory.newestValid(in: writer.directory, fileSystem)
  }

  /// The valid checkpoint with the best monitored value.
  public func bestValid() throws(Failure) -> Search {
    try waitForSaves()
    return try RunDirectory.bestValid(in: writer.directory, fileSystem)
  }

  /// Goes on from a checkpoint of this run: cuts the metrics log to its length then, sets newer checkpoints aside under
  /// other names, and writes the recipe that is in effect from now on. With nil the run starts anew from step 0.
  public func resume(from file: CheckpointFile?, recipe: String) throws(Failure) {
    try waitForSaves()
    let step = file?.state.step ?? -1
    writer.catalogue = []
    for name in try fileSystem.names(in: writer.directory) ?? [] {
      guard let other = CatalogueEntry.step(in: name) else { continue }
      let found = RunDirectory.verified(writer.path(name), step: other, fileSystem)
      switch found {
      case _ where other > step:
        try setAside(name, (try? found.get()) == nil ? .damaged : .superseded)
      case .success(let found):
        let entry = CatalogueEntry(step: other, monitored: found.state.monitored, isVerified: true)
        writer.catalogue.append(entry)
      case .failure(let failure):
        // Rotation must not see it: if only reading failed just now, it may be the best.
        writer.report(.note("\(failure); it stays where it is"))
      }
    }
    writer.updateIndex()
    let missing = try writer.metrics.cut(to: file?.state.metricsBytes ?? 0)
    if missing > 0 {
      writer.report(
        .note("\(writer.metrics.path) is \(missing) bytes shorter than it was: lines are missing"))
    }
    try fileSystem.replace("\(path)/recipe.yaml", with: recipe)
    try throwFailure()
  }

  private func setAside(_ name: String, _ reason: SetAside) throws(Failure) {
    try fileSystem.rename(writer.path(name), to: writer.path(name + reason.suffix))
    try fileSystem.synchronizeDirectory(writer.directory)
    writer.report(.note("\(writer.path(name)) is now called \(name)\(reason.suffix)"))
  }
}

extension RunDirectory {
  /// The checkpoint that `path` names: a file, an index (`latest`, `best`), or a run directory (its newest valid one).
  /// Takes no lock. Throws `missingInput` where there is none, `badData` where none is valid.
  public static func checkpoint(at path: String, fileSystem: FileSystem = .real) throws(Failure) -> Search {
    let path = FileSystem.absolute(path)
    guard fileSystem.isDirectory(path) else {
      return Search(file: try CheckpointFile(reading: path, fileSystem: fileSystem), skipped: [])
    }
    let inside = "\(path)/\(checkpoints)"
    let search = try newestValid(in: fileSystem.isDirectory(inside) ? inside : path, fileSystem)
    if search.file != nil { return search }
    guard let first = search.skipped.first else { throw .missingInput("\(path) holds no checkpoint") }
    throw .badData("\(path) holds no checkpoint that can be used; the newest: \(first.reason)")
  }

  static func newestValid(in directory: String, _ fileSystem: FileSystem) throws(Failure) -> Search {
    var skipped: [Search.Skipped] = []
    for step in try steps(in: directory, fileSystem) {
      let path = "\(directory)/\(CatalogueEntry.name(of: step))"
      switch verified(path, step: step, fileSystem) {
      case .success(let file): return Search(file: file, skipped: skipped)
      case .failure(let failure): skipped.append(Search.Skipped(path: path, reason: failure.message))
      }
    }
    return Search(file: nil, skipped: skipped)
  }

  static func bestValid(in directory: String, _ fileSystem: FileSystem) throws(Failure) -> Search {
    var skipped: [Search.Skipped] = []
    var best: (file: CheckpointFile, entry: CatalogueEntry)?
    for step in try steps(in: directory, fileSystem) {
      let path = "\(directory)/\(CatalogueEntry.name(of: step))"
      switch verified(path, step: step, fileSystem) {
      case .failure(let failure): skipped.append(Search.Skipped(path: path, reason: failure.message))
      case .success(let file):
        let entry = CatalogueEntry(step: step, monitored: file.state.monitored, isVerified: true)
        if [entry, best?.entry].compactMap({ $0 }).byRank.first == entry { best = (file, entry) }
      }
    }
    return Search(file: best?.file, skipped: skipped)
  }

  /// Steps of the checkpoints in a directory, newest first.
  private static func steps(in directory: String, _ fileSystem: FileSystem) throws(Failure) -> [Int] {
    try (fileSystem.names(in: directory) ?? []).compactMap(CatalogueEntry.step).sorted(by: >)
  }

  /// The checkpoint in a file, which must also be of the step that its name says.
  private static func verified(_ path: String, step: Int, _ fileSystem: FileSystem) -> Result<
    CheckpointFile, Failure
  > {
    Result { () throws(Failure) in
      let file = try CheckpointFile(reading: path, fileSystem: fileSystem)
      guard file.state.step == step else {
        throw .badData("\(path): it holds step \(file.state.step): the file was renamed")
      }
      return file
    }
  }
}
