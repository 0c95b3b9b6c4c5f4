import Diagnostics
import FoundationEssentials

/// Ownership of a run directory: a lock on its file `.lock`, which also says whose it is.
///
/// The system gives the lock up when the process ends in any way, so that a killed run never blocks the next. The file
/// stays: removing it would let two processes lock two different files.
struct RunLock {
  static let name = ".lock"
  private let file: OpenFile
  /// What to tell about how it was taken.
  let note: String?

  init(_ directory: String, _ fileSystem: FileSystem) throws(Failure) {
    let file = try fileSystem.open("\(directory)/\(RunLock.name)", .update)
    switch try file.lock() {
    case .taken: note = nil
    case .unsupported:
      note = "\(directory): the file system has no locks; take care that no second process writes here"
    case .heldByAnother:
      let owner = try RunLock.record(file)
      throw Failure(
        .retry, "\(directory) is in use by \(owner); wait for its end, or choose another directory")
    }
    let (process, host) = FileSystem.owner
    let record = "process \(process) on \(host) since \(Date.now.formatted(.iso8601))\n"
    try file.truncate(to: 0)
    try file.seek(to: 0)
    try Array(record.utf8).withUnsafeBufferPointer { bytes throws(Failure) in
      try file.write(UnsafeRawBufferPointer(bytes))
    }
    self.file = file
  }

  func release() throws(Failure) { try file.close() }

  /// The owner's line.
  private static func record(_ file: OpenFile) throws(Failure) -> String {
    var bytes = [UInt8](repeating: 0, count: 512)
    let count = try bytes.withUnsafeMutableBufferPointer { bytes throws(Failure) in
      try file.read(into: UnsafeMutableRawBufferPointer(bytes))
    }
    let line = bytes[..<count].prefix { $0 >= 32 && $0 < 127 }
    return line.isEmpty ? "another process" : String(decoding: line, as: UTF8.self)
  }
}
