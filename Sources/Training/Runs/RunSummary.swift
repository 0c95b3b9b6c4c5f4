import Collective
import Diagnostics

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A run directory at a glance. It is only read, and takes no lock: the run may be under way.
public struct RunSummary: Sendable {
  public enum RunStatus: String, Encodable, Sendable {
    case completed, interrupted
    case earlyStopped = "early_stopped"
    /// A process owns the directory.
    case running
    /// Nobody does, and the log has no end: it was killed.
    case unfinished
    /// A trial that could not be trained.
    case failed
  }

  /// As it was named.
  public let path: String
  public private(set) var status = RunStatus.unfinished
  /// Of the newest checkpoint, or `recipe.yaml` where there is none yet; nil where neither can be read.
  public private(set) var recipe: Recipe?
  public private(set) var dataFingerprint: String?
  /// Steps and epochs done, by the newest checkpoint.
  public private(set) var epochs = 0
  public private(set) var steps = 0
  /// Of training, all processes of the run together.
  public private(set) var seconds: Double?
  /// Count of all parameters.
  public private(set) var parameters: Int?
  /// Of the newest checkpoint's, as `train --json` prints it.
  public private(set) var parametersSHA256: String?
  /// What other commands take of this run, and the size of that file in bytes.
  public private(set) var checkpoint: String?
  public private(set) var checkpointBytes: Int?
  /// Measured with these parameters: the best by the run's validation metric, where there is one, else the last.
  public private(set) var chosen: RunLog.Measured?
  /// Measured at the end of the last epoch.
  public private(set) var last: RunLog.Measured?
  /// What is missing, and why.
  public private(set) var notes: [String] = []

  /// - Throws: `missingInput` where there is nothing, `badData` where there is something else than a run.
  public init(run path: String) throws(Failure) {
    self.path = path
    guard FileSystem.real.exists(FileSystem.absolute(path)) else {
      throw .missingInput("\(path): no such run; name a folder that recur train made")
    }
    guard RunDirectory.holdsRun(path) else {
      throw .badData("\(path) holds no run; name a folder that recur train made")
    }
    readCheckpoints()
    readLog()
    if recipe == nil {
      do { recipe = try Recipe(contentsOf: "\(path)/\(RunDirectory.recipe)") } catch { note(error) }
    }
    if chosen == nil { chosen = last }
  }

  /// A trial that failed, with what its folder holds, if that is a run.
  /// - line: what its process said.
  public init(failed path: String, recipe: Recipe?, because line: String) {
    if let run = try? RunSummary(run: path) {
      self = run
    } else {
      (self.path, self.recipe) = (path, recipe)
    }
    status = .failed
    notes = [line]
  }

  private mutating func readCheckpoints() {
    do {
      guard let newest = try RunDirectory.checkpoint(at: path).file else { return }
      let state = newest.state
      (epochs, steps, seconds) = (state.epoch, state.step, state.elapsedSeconds)
      dataFingerprint = state.dataFingerprint
      recipe = try Recipe(yaml: state.recipe, path: "\(newest.path), recipe", baseDirectory: "/")
      let values = newest.modelTensors.flatMap(\.values)
      parameters = values.count
      parametersSHA256 = values.withUnsafeBufferPointer { Training.parametersSHA256($0) }
      let best = try RunDirectory.checkpoint(at: path, choosing: .best).file ?? newest
      (checkpoint, checkpointBytes) = (best.path, Self.size(of: best.path))
      chosen = .init(epoch: best.state.epoch, step: best.state.step, values: [:])
      if let monitored = best.state.monitored { chosen?.values[Name(monitored.name)] = monitored.value }
    } catch let failure as Failure where failure.kind == .missingInput {
      notes.append("no checkpoint yet")
    } catch {
      note(error)
    }
  }

  private mutating func readLog() {
    do throws(Failure) {
      let log = try RunLog(run: path)
      last = log.epochs.last
      if let end = log.end {
        status = RunStatus(end.status)
      } else {
        status = Self.isOwned(path) ? .running : .unfinished
      }
      let step = log.end?.evaluatedStep ?? chosen?.step
      if let measured = log.epochs.last(where: { $0.step == step }) {
        chosen = measured
      } else if let metric = recipe?.checkpoint.choosingMetric, let best = log.best(by: metric) {
        chosen = best
      }
      if let end = log.end { chosen?.values.merge(end.values) { $1 } }
    } catch {
      status = Self.isOwned(path) ? .running : .unfinished
      note(error)
    }
  }

  private mutating func note(_ error: any Error) {
    notes.append((error as? Failure)?.message ?? "\(error)")
  }

  private static func size(of path: String) -> Int? {
    var status = stat()
    return stat(path, &status) == 0 ? Int(status.st_size) : nil
  }

  /// Whether a process has locked the directory, as the system lists locks; it is not asked by locking, which would refuse a run that
  /// begins just then.
  private static func isOwned(_ path: String) -> Bool {
    var status = stat()
    guard stat(path, &status) == 0 else { return false }
    // "3: FLOCK  ADVISORY  WRITE 1234 08:01:131073 0 EOF"
    let place = ":\(status.st_ino)"
    return Machine.lines("/proc/locks").contains { line in
      let words = line.utf8.split(separator: UInt8(ascii: " ")).map { Substring($0) }
      return words.count > 5 && words[1].hasSameBytes(as: "FLOCK") && words[5].hasBytes(last: place)
    }
  }
}

extension RunSummary.RunStatus {
  init(_ status: TrainingReport.Status) {
    self =
      switch status {
      case .completed: .completed
      case .earlyStopped: .earlyStopped
      case .interrupted: .interrupted
      }
  }
}
