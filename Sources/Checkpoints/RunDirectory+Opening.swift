import Diagnostics

extension RunDirectory {
  package static let checkpoints = "checkpoints"
  package static let recipe = "recipe.yaml"
  /// What was seen at the last of too many steps that were skipped.
  package static let badStep = "bad-step.json"
  fileprivate static let files: [String] = [recipe, MetricsLog.name, badStep]
  // text: names of this program.
  fileprivate static let index: Set<String> = ["latest", "best"]

  /// Whether `path` holds a run (for `--resume auto`).
  public static func holdsRun(_ path: String, fileSystem: FileSystem = .real) -> Bool {
    (try? Directory(FileSystem.absolute(path), fileSystem).holdsRun()) ?? false
  }

  /// A file that its writer did not live to rename.
  static func isTemporary(_ name: String) -> Bool {
    let parts = name.split(separator: FileSystem.temporaryMark, omittingEmptySubsequences: false).map(
      String.init)
    guard parts.count == 2, Int32(parts[1]) != nil else { return false }
    return files.contains(parts[0]) || index.contains(parts[0]) || CatalogueEntry.step(in: parts[0]) != nil
  }

  /// In the directory of checkpoints: a checkpoint (also one set aside), an index, or one not in its place yet.
  fileprivate static func isOwn(_ name: String) -> Bool {
    let base = SetAside.allCases.reduce(name) {
      // text: a suffix of this program.
      $0.hasSuffix($1.suffix) ? String($0.dropLast($1.suffix.count)) : $0
    }
    return CatalogueEntry.step(in: base) != nil || index.contains(name) || isTemporary(name)
  }

  /// The lock is held: whoever began these files is gone.
  func removeLeftovers() throws(Failure) {
    for directory in [directory, writer.directory] {
      for name in try directory.names() where RunDirectory.isTemporary(name) {
        guard try directory.removeUnlessDirectory(name) else { continue }
        writer.report(.note("removed \(directory.path(name)), the unfinished file of a killed run"))
      }
    }
  }
}

/// What makes a directory a run's.
extension Directory {
  /// A recipe alone is no run: it may be a folder of recipes.
  func holdsRun() throws(Failure) -> Bool {
    let names = try names()
    return names.contains(RunDirectory.checkpoints)
      && names.contains { $0 == RunLock.name || RunDirectory.files.contains($0) }
  }

  /// Throws unless it holds a run, each of whose files is a file of its own.
  func requireRun() throws(Failure) {
    guard try holdsRun() else { throw .missingInput("\(path) holds no run; start it without --resume") }
    try require(.directory, RunDirectory.checkpoints)
    for name in RunDirectory.files + [RunLock.name] { try require(.file, name) }
    try requireOneName(MetricsLog.name)
  }

  /// Throws unless a new run may begin here.
  func requireFree(overwrite: Bool) throws(Failure) {
    if try holdsRun() {
      guard overwrite else {
        throw .usage("\(path) holds a run; continue it with --resume auto, or replace it with --overwrite")
      }
      return try requireRun()
    }
    try require(.file, RunLock.name)
    let foreign = try names().first { $0 != RunLock.name && !RunDirectory.isTemporary($0) }
    if let foreign {
      throw .usage("\(path) is not empty (\(foreign)) and holds no run; choose another directory")
    }
  }

  /// Removes the files of the run that is here; no others.
  func clearRun() throws(Failure) {
    if let checkpoints = try directory(RunDirectory.checkpoints, makes: false) {
      for name in try checkpoints.names() where RunDirectory.isOwn(name) {
        try checkpoints.removeUnlessDirectory(name)
      }
      // After a power loss a checkpoint of the old run must not come back among those of the new one.
      try checkpoints.synchronize()
    }
    for name in try names() where RunDirectory.isTemporary(name) { try removeUnlessDirectory(name) }
    // The recipe last: a directory that has nothing else is not taken for a run.
    for name in RunDirectory.files.reversed() { try remove(name) }
  }

  /// - Returns: whether it was removed.
  @discardableResult
  fileprivate func removeUnlessDirectory(_ name: String) throws(Failure) -> Bool {
    guard try kind(of: name) != .directory else { return false }
    try remove(name)
    return true
  }
}
