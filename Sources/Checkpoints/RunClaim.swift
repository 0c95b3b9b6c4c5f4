import Diagnostics

/// A place for a run, looked at and locked, and not changed yet: what is refused before `begin` or `resume` leaves every byte as it
/// was. Where it is let go of without either, nothing was.
public final class RunClaim {
  /// Absolute. Of a run with a name of its own, only what it begins with.
  public let path: String
  let fileSystem: FileSystem
  private let kind: Disposition
  /// nil where there is no such directory yet.
  private var owned: (directory: Directory, lock: RunLock)?

  private enum Disposition: Equatable {
    case new(overwrite: Bool)
    /// In a directory that nobody else has: one of this name, or with a number after it.
    case unique
    case existing
  }

  /// A new run in `path`, which may be missing or empty.
  ///
  /// Throws `usage` where the directory holds a run and `overwrite` is false, or holds anything else; `retry` where another
  /// process owns it.
  public convenience init(
    creating path: String, overwrite: Bool = false, fileSystem: FileSystem = .real
  ) throws(Failure) {
    try self.init(path, .new(overwrite: overwrite), fileSystem)
    if fileSystem.isDirectory(self.path) {
      try own()
    } else if fileSystem.exists(self.path) {
      throw .usage("\(self.path) is not a directory; choose another")
    }
  }

  /// A new run in a directory that is made for it and is nobody else's: `name`, or `name-2`, `name-3` …
  public convenience init(naming name: String, fileSystem: FileSystem = .real) throws(Failure) {
    try self.init(name, .unique, fileSystem)
  }

  /// The run in `path`. Follow with `newestValid` and `resume`.
  ///
  /// Throws `missingInput` where there is no run, `retry` where another process owns it, `badData` where something else stands in
  /// the place of one of its files.
  public convenience init(resuming path: String, fileSystem: FileSystem = .real) throws(Failure) {
    try self.init(path, .existing, fileSystem)
    guard RunDirectory.holdsRun(self.path, fileSystem: fileSystem) else {
      throw .missingInput("\(self.path) holds no run to resume; start it without --resume")
    }
    try own()
  }

  private init(_ path: String, _ kind: Disposition, _ fileSystem: FileSystem) throws(Failure) {
    self.path = FileSystem.absolute(path)
    self.kind = kind
    self.fileSystem = fileSystem
  }

  /// Becomes the owner of the directory, and looks at what is in it.
  private func own() throws(Failure) {
    let directory = try Directory(path, fileSystem)
    // What is there must be a run's before `.lock` is opened, and under the lock once more: another process may have been faster.
    try require(directory)
    let lock = try RunLock(directory)
    try require(directory)
    owned = (directory, lock)
  }

  private func require(_ directory: Directory) throws(Failure) {
    switch kind {
    case .new(let overwrite): try directory.requireFree(overwrite: overwrite)
    case .unique: try directory.requireFree(overwrite: false)
    case .existing: try directory.requireRun()
    }
  }

  /// The newest checkpoint that can be used, and why newer ones can't. The index files are not consulted.
  ///
  /// Where there are checkpoints but none is valid, `file` is nil and `skipped` is not empty: starting anew would
  /// hide a loss, so ask the user.
  public func newestValid() throws(Failure) -> RunDirectory.Search {
    guard let checkpoints = try checkpoints() else { return RunDirectory.Search(file: nil, skipped: []) }
    return try RunDirectory.newestValid(in: checkpoints)
  }

  private func checkpoints() throws(Failure) -> Directory? {
    try owned?.directory.directory(RunDirectory.checkpoints, makes: false)
  }

  /// Gives the directory up as it is.
  public func release() throws(Failure) {
    try owned?.lock.release()
    owned = nil
  }
}

extension RunClaim {
  /// Begins a new run: makes the directory where it is missing, removes the files of the run that was there (files that are not
  /// a run's stay), and writes `recipe.yaml`.
  public func begin(
    recipe: String, retention: RunDirectory.Retention = RunDirectory.Retention()
  ) throws(Failure) -> RunDirectory {
    precondition(kind != .existing, "a run that is there is resumed")
    let worker = try fileSystem.makeWriter()
    let (directory, lock) = try ownedOrMade()
    try lock.sign()
    try directory.clearRun()
    let writer = try CheckpointWriter(in: directory, retention, worker)
    try directory.replace(RunDirectory.recipe, with: recipe)
    return RunDirectory(directory, lock, writer)
  }

  private func ownedOrMade() throws(Failure) -> (directory: Directory, lock: RunLock) {
    if let owned { return owned }
    guard kind == .unique else {
      try fileSystem.makeDirectories(path)
      try own()
      return owned!
    }
    var name = path
    var number = 1
    while try !fileSystem.makeDirectory(name) {
      number += 1
      name = "\(path)-\(number)"
    }
    return try RunClaim(creating: name, fileSystem: fileSystem).ownedOrMade()
  }

  /// Goes on from a checkpoint of this run: removes temporary files of killed processes, cuts the metrics log to its length then,
  /// sets newer checkpoints aside under other names, and writes the recipe that is in effect from now on. With nil the run starts
  /// anew from step 0.
  public func resume(
    from file: CheckpointFile?, recipe: String, retention: RunDirectory.Retention = RunDirectory.Retention()
  ) throws(Failure) -> RunDirectory {
    guard kind == .existing, let (directory, lock) = owned else { preconditionFailure("there is no run") }
    let worker = try fileSystem.makeWriter()
    try lock.sign()
    let writer = try CheckpointWriter(in: directory, retention, worker)
    let run = RunDirectory(directory, lock, writer)
    try run.removeLeftovers()
    try run.goOn(from: file, recipe: recipe)
    return run
  }
}
