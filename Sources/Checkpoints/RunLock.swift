import Diagnostics
import FoundationEssentials

/// Ownership of a run directory: a lock on the directory itself and one on its file `.lock`, which also says whose it is.
///
/// The system gives locks up when the process ends in any way, so that a killed run never blocks the next. The directory's own
/// lock does not depend on what stands in it: a `.lock` that is removed or replaced lets nobody in.
package final class RunLock {
  package static let name = ".lock"
  /// What to tell about how it was taken.
  private(set) var note: String?
  private let directory: Directory
  private var file: OpenFile?

  /// Throws `retry` where another process is the owner. Changes nothing, unless the file system can't lock directories and there
  /// is no `.lock` yet.
  package init(_ directory: Directory) throws(Failure) {
    self.directory = directory
    let own = try directory.lock()
    if try directory.require(.file, RunLock.name) { file = try directory.open(RunLock.name, .update) }
    if own == .heldByAnother { throw try inUse() }
    if own == .unsupported, file == nil { file = try directory.open(RunLock.name, .update) }
    try lockFile(isAlone: own == .unsupported)
  }

  private func lockFile(isAlone: Bool) throws(Failure) {
    switch try file?.lock() {
    case .heldByAnother: throw try inUse()
    case .unsupported where isAlone:
      note = "\(directory.path): the file system has no locks; take care that no second process writes here"
    case nil, .taken, .unsupported: break
    }
  }

  /// Writes down whose the directory is.
  package func sign() throws(Failure) {
    if file == nil {
      file = try directory.open(RunLock.name, .update)
      try lockFile(isAlone: false)
    }
    guard let file else { return }
    let (process, host) = FileSystem.owner
    let record = "process \(process) on \(host) since \(Date.now.formatted(.iso8601))\n"
    try file.truncate(to: 0)
    try file.seek(to: 0)
    try Array(record.utf8).withUnsafeBufferPointer { bytes throws(Failure) in
      try file.write(UnsafeRawBufferPointer(bytes))
    }
  }

  package func release() throws(Failure) {
    try file?.close()
    try directory.close()
  }

  /// Names the owner by the line it wrote.
  private func inUse() throws(Failure) -> Failure {
    var bytes = [UInt8](repeating: 0, count: 512)
    let count = try bytes.withUnsafeMutableBufferPointer { bytes throws(Failure) in
      try file?.read(into: UnsafeMutableRawBufferPointer(bytes)) ?? 0
    }
    let line = bytes[..<count].prefix { $0 >= 32 && $0 < 127 }
    let owner = line.isEmpty ? "another process" : String(decoding: line, as: UTF8.self)
    return Failure(
      .retry, "\(directory.path) is in use by \(owner); wait for its end, or choose another directory")
  }
}
