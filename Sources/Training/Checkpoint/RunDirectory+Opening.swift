import Diagnostics

extension RunDirectory {
  static let checkpoints = "checkpoints"
  private static let own: Set<String> = ["recipe.yaml", "metrics.jsonl", BadStepDump.fileName, checkpoints]
  private static let index: Set<String> = ["latest", "best"]

  /// Whether `path` holds a run (for `--resume auto`).
  public static func holdsRun(_ path: String, fileSystem: FileSystem = .real) -> Bool {
    let names = (try? fileSystem.names(in: FileSystem.absolute(path))) ?? []
    return isRun(names)
  }

  /// A recipe alone is no run: it may be a folder of recipes.
  private static func isRun(_ names: [String]) -> Bool {
    names.contains(checkpoints)
      && names.contains { $0 == RunLock.name || ($0 != checkpoints && own.contains($0)) }
  }

  /// Throws unless a new run may begin here.
  static func requireFree(_ path: String, overwrite: Bool, _ fileSystem: FileSystem) throws(Failure) {
    let names = try fileSystem.names(in: path) ?? []
    if isRun(names) {
      if overwrite { return }
      throw .usage("\(path) holds a run; continue it with --resume auto, or replace it with --overwrite")
    }
    let foreign = names.first { $0 != RunLock.name && !isTemporary($0) }
    if let foreign {
      throw .usage("\(path) is not empty (\(foreign)) and holds no run; choose another directory")
    }
  }

  /// Removes the files of the run that was here; no others.
  static func clear(_ path: String, _ fileSystem: FileSystem) throws(Failure) {
    let directory = "\(path)/\(checkpoints)"
    if let names = try fileSystem.names(in: directory) {
      for name in names where isOwn(name) { try fileSystem.remove("\(directory)/\(name)") }
      // After a power loss a checkpoint of the old run must not come back among those of the new one.
      try fileSystem.synchronizeDirectory(directory)
    }
    let others = ["metrics.jsonl", BadStepDump.fileName]
    for name in try fileSystem.names(in: path) ?? [] where isTemporary(name) || others.contains(name) {
      try fileSystem.remove("\(path)/\(name)")
    }
    try fileSystem.remove("\(path)/recipe.yaml")
  }

  /// In the directory of checkpoints: a checkpoint (also one set aside), an index, or one not in its place yet.
  private static func isOwn(_ name: String) -> Bool {
    let base = SetAside.allCases.reduce(name) {
      $0.hasSuffix($1.suffix) ? String($0.dropLast($1.suffix.count)) : $0
    }
    return CatalogueEntry.step(in: base) != nil || index.contains(name) || isTemporary(name)
  }

  /// A file that its writer did not live to rename.
  static func isTemporary(_ name: String) -> Bool {
    let parts = name.split(separator: FileSystem.temporaryMark, omittingEmptySubsequences: false).map(
      String.init)
    guard parts.count == 2, Int32(parts[1]) != nil else { return false }
    return own.contains(parts[0]) || index.contains(parts[0]) || CatalogueEntry.step(in: parts[0]) != nil
  }

  static func open(_ path: String, _ retention: Retention, _ fileSystem: FileSystem) throws(Failure)
    -> CheckpointWriter
  {
    let directory = "\(path)/\(checkpoints)"
    try fileSystem.makeDirectories(directory)
    let metrics = try MetricsLog(path: "\(path)/metrics.jsonl", fileSystem: fileSystem)
    try fileSystem.synchronizeDirectory(path)
    return CheckpointWriter(
      directory: directory, metrics: metrics, retention: retention, fileSystem: fileSystem)
  }

  /// The lock is held: whoever began these files is gone.
  func removeLeftovers() throws(Failure) {
    for directory in [path, writer.directory] {
      for name in try fileSystem.names(in: directory) ?? [] where RunDirectory.isTemporary(name) {
        try fileSystem.remove("\(directory)/\(name)")
        writer.report(.note("removed \(directory)/\(name), the unfinished file of a killed run"))
      }
    }
  }
}
