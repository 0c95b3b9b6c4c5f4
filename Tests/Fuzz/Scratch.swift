import Foundation

/// A folder of files in memory, where the system has such a place.
final class Scratch {
  let path: String
  nonisolated(unsafe) private static var count = 10

  init() throws {
    let memory = "/dev/shm"
    let parent = access(memory, W_OK) == 0 ? memory : NSTemporaryDirectory()
    // As long for every process: messages quote it.
    Self.count += 1
    path = "\(parent)/recur-fuzz-\(10_000_000 + Int(getpid()))-\(Self.count)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func callAsFunction(_ name: String) -> String { "\(path)/\(name)" }

  @discardableResult
  func write(_ name: String, _ bytes: [UInt8]) throws -> String {
    let file = open(self(name), O_WRONLY | O_CREAT | O_TRUNC, 0o644)
    guard file >= 0 else { throw ExitFailure("can't write \(self(name))") }
    defer { close(file) }
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Foundation.write(file, $0.baseAddress!, $0.count) }
      guard count > 0 else { throw ExitFailure("can't write \(self(name))") }
      rest = rest.dropFirst(count)
    }
    return self(name)
  }
}
