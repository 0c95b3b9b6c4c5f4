import Diagnostics
import Files
import FoundationEssentials

/// The folder of a sweep, which one process owns: `plan.json`, a run directory for each trial, `logs/` with what each said, and
/// `sweep.csv`.
public final class SweepFolder {
  /// Absolute.
  public var path: String { directory.path }
  private let directory: Directory
  private let logs: Directory
  private let lock: RunLock

  private static let plan = "plan.json"
  private static let table = "sweep.csv"

  /// Begins a sweep, or takes over one that was begun by this plan.
  ///
  /// Throws `usage` where the folder holds another sweep or anything else, `retry` where another process owns it.
  public init(_ path: String, plan: SweepPlan) throws(Failure) {
    let path = FileSystem.absolute(path)
    try FileSystem.real.makeDirectories(path)
    let directory = try Directory(path, .real)
    try Self.requireFree(directory)
    let lock = try RunLock(directory)
    // Under the lock once more: another process may have been faster.
    try Self.requireFree(directory)
    if let begun = try Self.begun(in: directory), let difference = plan.difference(from: begun) {
      throw .usage("\(path) holds another sweep: \(difference); choose another --out")
    }
    try lock.sign()
    try directory.replace(Self.plan, with: Self.text(of: plan))
    guard let logs = try directory.directory("logs", makes: true) else { preconditionFailure("it was made") }
    (self.directory, self.logs, self.lock) = (directory, logs, lock)
  }

  private static func requireFree(_ directory: Directory) throws(Failure) {
    if try directory.require(.file, plan) { return }
    let foreign = try directory.names().first {
      $0 != RunLock.name && !$0.hasBytes(first: "\(plan)\(FileSystem.temporaryMark)")
    }
    if let foreign {
      throw .usage("\(directory.path) is not empty (\(foreign)) and holds no sweep; choose another --out")
    }
  }

  private static func begun(in directory: Directory) throws(Failure) -> SweepPlan? {
    guard try directory.require(.file, plan) else { return nil }
    let path = directory.path(plan)
    let file = try InputFile(path: path, key: "the plan of a sweep", limit: 1 << 26)
    do {
      return try JSONDecoder().decode(SweepPlan.self, from: Data(file.padded[..<file.count]))
    } catch {
      throw .badData("\(path): not a plan that recur writes: \(JSON.reason(error))")
    }
  }

  /// A plan can always be encoded.
  private static func text(of plan: SweepPlan) -> String {
    String(decoding: try! JSON.encoder().encode(plan), as: UTF8.self) + "\n"
  }

  /// Gives up the lock.
  public func close() throws(Failure) { try lock.release() }

  public func writeTable(_ lines: [String]) throws(Failure) {
    try directory.replace(Self.table, with: lines.map { "\($0)\n" }.joined())
  }

  public var table: String { directory.path(Self.table) }

  public func run(of trial: SweepPlan.Trial) -> String { directory.path(trial.name.text) }

  /// Opens what a trial's process writes to, and lets it be started meanwhile: standard output anew each time, errors behind what is
  /// there.
  package func withLogs<Result>(
    of trial: SweepPlan.Trial, _ start: (_ output: Int32, _ errors: Int32) throws -> Result
  ) throws -> Result {
    let output = try logs.open("\(trial.name).json", .update)
    try output.truncate(to: 0)
    let errors = try logs.open("\(trial.name).log", .append)
    defer { withExtendedLifetime((output, errors)) {} }
    return try start(output.descriptor, errors.descriptor)
  }

  /// The line by which a trial's process failed; nil where it left none.
  package func failure(of trial: SweepPlan.Trial) -> String? {
    struct Line: Decodable { let error: String }
    let path = logs.path("\(trial.name).json")
    guard let text = try? InputFile.lines(of: path, key: "a trial", limit: 1 << 26).last else { return nil }
    return (try? JSONDecoder().decode(Line.self, from: Data(text.utf8)))?.error
  }
}
