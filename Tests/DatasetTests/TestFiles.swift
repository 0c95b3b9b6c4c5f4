import Dataset
import Diagnostics
import Foundation
import Testing

/// A folder of files that goes away with the test.
final class TemporaryFolder {
  let path: String

  init() throws {
    path = NSTemporaryDirectory() + "dataset-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  @discardableResult
  func write(_ name: String, _ text: String) throws -> String { try write(name, Array(text.utf8)) }

  @discardableResult
  func write(_ name: String, _ bytes: [UInt8]) throws -> String {
    let file = path + "/" + name
    try Data(bytes).write(to: URL(fileURLWithPath: file))
    return file
  }
}

/// The message of the `Failure` that `body` throws, with the folder's path taken off.
func message(_ folder: TemporaryFolder? = nil, _ body: () throws -> Void) -> String {
  do {
    try body()
    return "nothing thrown"
  } catch let failure as Failure {
    return failure.message.replacingOccurrences(of: (folder?.path ?? "/nowhere") + "/", with: "")
  } catch {
    return "not a Failure: \(error)"
  }
}

/// A folder beside the repository with data that is not part of it.
func shared(_ name: String) -> String? {
  let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()
  let folder =
    ProcessInfo.processInfo.environment["RECUR_SHARED"] ?? root.deletingLastPathComponent().path + "/shared"
  let path = folder + "/" + name
  return FileManager.default.fileExists(atPath: path) ? path : nil
}
