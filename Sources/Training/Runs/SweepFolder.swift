import Diagnostics
import Files
import FoundationEssentials

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The folder of a sweep: `plan.json`, a run directory for each trial, `claims/` with a lock for each that is under way, `logs/` with
/// what each said, and `sweep.csv`. One process owns it, or several share it.
public final class SweepFolder {
  /// Absolute.
  public var path: String { directory.path }
  private let directory: Directory
  private let logs: Directory
  private let claims: Directory
  /// Held to the end by an only owner.
  private let lock: RunLock?

  private static let plan = "plan.json"
  private static let table = "sweep.csv"

  /// Begins a sweep, or takes over one that was begun by this plan.
  ///
  /// - isShared: whether others may do the same at a time: then only what is claimed is this process's.
  /// - Throws: `usage` where the folder holds another sweep or anything else, `retry` where another process owns it.
  public init(_ path: String, plan: SweepPlan, isShared: Bool = false) throws(Failure) {
    let path = FileSystem.absolute(path)
    try FileSystem.real.makeDirectories(path)
    let directory = try Directory(path, .real)
    try Self.requireFree(directory)
    let lock = try Self.lock(path, waits: isShared)
    // Under the lock once more: another process may have been faster.
    try Self.requireFree(directory)
    let begun = try Self.begun(in: directory)
    if let begun, let difference = plan.difference(from: begun) {
      throw .usage("\(path) holds another sweep: \(difference); choose another --out")
    }
    try lock.sign()
    if begun != plan { try directory.replace(Self.plan, with: Self.text(of: plan)) }
    guard let logs = try directory.directory("logs", makes: true),
      let claims = try directory.directory("claims", makes: true)
    else { preconditionFailure("they were made") }
    if isShared { try lock.release() }
    (self.directory, self.logs, self.claims) = (directory, logs, claims)
    self.lock = isShared ? nil : lock
  }

  /// - waits: whether an owner who is about to end is waited for.
  private static func lock(_ path: String, waits: Bool) throws(Failure) -> RunLock {
    let deadline = ContinuousClock.now + .seconds(waits ? 30 : 0)
    while true {
      do throws(Failure) {
        return try RunLock(Directory(path, .real))
      } catch  where error.kind == .retry && ContinuousClock.now < deadline {
        usleep(100_000)
      }
    }
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
  public func close() throws(Failure) { try lock?.release() }

  /// Writes the table. Of processes that share the folder the one that is last has the last word: each looks at the trials and writes
  /// while the others wait.
  public func writeTable<Result>(_ make: () throws -> (lines: [String], Result)) throws -> Result {
    let lock = try self.lock == nil ? Self.lock(path, waits: true) : nil
    let (lines, result) = try make()
    try directory.replace(Self.table, with: lines.map { "\($0)\n" }.joined())
    try lock?.release()
    return result
  }

  public var table: String { directory.path(Self.table) }

  public func run(of trial: SweepPlan.Trial) -> String { directory.path(trial.name.text) }

  /// A trial under way, which no other process begins meanwhile. The system ends it with the process.
  package struct Claim {
    fileprivate let file: OpenFile

    package func end() throws(Failure) { try file.close() }
  }

  /// nil where another process has it. Where the file system has no locks, run directories have none either (`RunLock`).
  package func claim(_ trial: SweepPlan.Trial) throws(Failure) -> Claim? {
    let file = try claims.open("\(trial.name).lock", .update)
    return try file.lock() == .heldByAnother ? nil : Claim(file: file)
  }

  /// Opens what a trial's process writes to, and lets it be started meanwhile: standard output anew each time, errors after what is
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

  /// The line by which a trial's process failed: what it reported, else the last line of its log; nil where it left none.
  package func failure(of trial: SweepPlan.Trial) -> String? {
    struct ErrorReport: Decodable { let error: String }
    func last(_ ending: String) -> String? {
      let path = logs.path("\(trial.name).\(ending)")
      return (try? InputFile.lines(of: path, key: "a trial", limit: 1 << 26))?.last
    }
    guard let text = last("json"), !text.isEmpty else { return last("log") }
    return (try? JSONDecoder().decode(ErrorReport.self, from: Data(text.utf8)))?.error
  }
}
