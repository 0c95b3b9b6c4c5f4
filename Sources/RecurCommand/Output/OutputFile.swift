import Foundation
import Recur

/// A file that is there whole or not at all: written under another name beside it, and renamed at the end.
final class OutputFile {
  private let path: String
  private let temporary: String
  private let descriptor: Int32
  private var pending: [UInt8] = []
  private var isClosed = false

  /// Throws where the folder can't be written to, before any work is done.
  init(_ path: String) throws {
    self.path = path
    temporary = "\(path).writing-\(getpid())"
    descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    if descriptor < 0 { throw failure(errno) }
  }

  deinit {
    guard !isClosed else { return }
    Glibc.close(descriptor)
    unlink(temporary)
  }

  func write(_ line: String) throws {
    pending += line.utf8
    pending.append(UInt8(ascii: "\n"))
    if pending.count >= 1 << 20 { try flush() }
  }

  func write(_ data: Data) throws {
    pending += data
    try flush()
  }

  func close() throws {
    try flush()
    guard rename(temporary, path) == 0 else { throw failure(errno) }
    isClosed = true
    // Some file systems report a full disk only now.
    if Glibc.close(descriptor) != 0 { throw failure(errno) }
  }

  private func flush() throws {
    var start = 0
    while start < pending.count {
      let count = pending.withUnsafeBytes {
        Glibc.write(descriptor, $0.baseAddress! + start, $0.count - start)
      }
      if count < 0 && errno != EINTR { throw failure(errno) }
      start += max(0, count)
    }
    pending.removeAll(keepingCapacity: true)
  }

  private func failure(_ code: Int32) -> Failure {
    .inputOutput("\(path): can't be written: \(String(cString: strerror(code)))")
  }
}
