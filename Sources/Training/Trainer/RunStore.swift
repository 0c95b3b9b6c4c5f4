import Collective
import Dataset
import Diagnostics
import FoundationEssentials
import Version

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The run directory of a run, from its claim to its end; there is one, on rank 0.
final class RunStore {
  /// Where it is or will be.
  let path: String
  private(set) var recipe: Recipe
  private(set) var resumedFrom: CheckpointFile?
  /// Once the run has begun.
  private(set) var directory: RunDirectory?
  /// What all checkpoints of the run have in common.
  private(set) var template: CheckpointState
  /// Until the run begins, what it will begin with; then nil.
  private var claim: RunClaim?
  /// The best state before that one, of a run that goes on in another folder: it is taken along.
  private var bestBefore: CheckpointFile?
  /// Whether the run is one that the directory holds already.
  private(set) var isResumed = false
  var lastSave: UInt64 = 0
  /// The step of the best state so far, where that is in memory only.
  var heldStep: Int?

  init(recipe: Recipe, data: LoadedData, path: String?) {
    self.recipe = recipe
    self.path = path ?? "runs/\(recipe.name)-\(Self.timestamp())"
    var state = CheckpointState(
      program: ProgramVersion.text, runID: UUID().uuidString, recipe: recipe.effectiveYAML, seed: recipe.seed,
      optimizer: .init(name: recipe.optimizer.name, t: 0))
    if let scaler = data.scaler { state.scaler = JSONValue(encoding: scaler) }
    if !data.classNames.isEmpty { state.classNames = data.classNames }
    if !data.vocabulary.isEmpty { state.extra["vocabulary"] = JSONValue(encoding: data.vocabulary) }
    if !data.categoryNames.isEmpty { state.extra["categories"] = JSONValue(encoding: data.categoryNames) }
    state.dataFingerprint = data.fingerprint
    template = state
  }

  /// Claims the run directory, and changes nothing yet.
  /// - note: gets what a person should know.
  /// - Returns: the checkpoint to continue from.
  func claim(_ options: TrainingOptions, note: (String) -> Void) throws -> CheckpointFile? {
    switch options.resume {
    case .auto where RunDirectory.holdsRun(path, fileSystem: options.fileSystem):
      let claim = try RunClaim(resuming: path, fileSystem: options.fileSystem)
      let search = try claim.newestValid()
      for skipped in search.skipped { note("skipped \(skipped.path): \(skipped.reason)") }
      if search.file == nil, !search.skipped.isEmpty {
        throw Failure.badData("\(path): no checkpoint of this run is valid; start anew with --overwrite")
      }
      resumedFrom = search.file
      self.claim = claim
      isResumed = true
    case .file(let source):
      let file = try CheckpointFile(reading: FileSystem.absolute(source))
      guard !file.isExported else {
        throw Failure.badData(
          "\(file.path): it was exported and holds a model alone, no state of a run to go on with; start a new run from its weights: --init-from \(ShellWords.quoted([file.path]))"
        )
      }
      resumedFrom = file
      bestBefore = recipe.checkpoint.choosingMetric.flatMap { RunDirectory.best(upTo: file, by: $0) }
      fallthrough
    case .auto, .never:
      claim =
        options.outputDirectory == nil
        ? try RunClaim(naming: path, fileSystem: options.fileSystem)
        : try RunClaim(creating: path, overwrite: options.overwrite, fileSystem: options.fileSystem)
    }
    return resumedFrom
  }

  /// Makes or takes over the claimed directory. Called when nothing is left that could refuse the run.
  func begin() throws {
    let retention = RunDirectory.Retention(
      keepLast: recipe.checkpoint.keepLast, keepBest: recipe.checkpoint.keepBest)
    if isResumed {
      directory = try claim?.resume(from: resumedFrom, recipe: recipe.effectiveYAML, retention: retention)
      if let resumedFrom { template.runID = resumedFrom.state.runID }
    } else {
      directory = try claim?.begin(recipe: recipe.effectiveYAML, retention: retention)
      try bestBefore.map { try takeAlong($0) }
    }
    claim = nil
  }

  /// Keeps in the run's recipe where its parameters came from, which who resumes it need not say again.
  func keepStart(of saved: Recipe) {
    (recipe.train.initFrom, recipe.train.initMap) = (saved.train.initFrom, saved.train.initMap)
    recipe.train.allowMissing = saved.train.allowMissing
    template.recipe = recipe.effectiveYAML
  }

  private func takeAlong(_ file: CheckpointFile) throws {
    var state = file.state
    state.runID = template.runID
    try directory?.save(state, tensorsOf: file)
    bestBefore = nil
  }

  /// Lets go of the directory after a failure; what was saved stays.
  func abandon() {
    directory?.stopsOnSaveError = false
    try? directory?.close()
    try? claim?.release()
  }

  private static func timestamp() -> String {
    var (seconds, local) = (time(nil), tm())
    localtime_r(&seconds, &local)
    return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 32) { text in
      strftime(text.baseAddress!, text.count, "%Y%m%d-%H%M%S", &local)
      return String(cString: text.baseAddress!)
    }
  }
}
