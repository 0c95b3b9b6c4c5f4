import Diagnostics

/// `metrics.jsonl`: lines are appended whole or not at all.
package final class MetricsLog: @unchecked Sendable {
  private let file: OpenFile
  /// Bytes of whole lines. Only the run's owner touches it.
  private(set) var count: Int

  package static let name = "metrics.jsonl"

  init(in directory: Directory) throws(Failure) {
    file = try directory.open(Self.name, .append)
    count = try file.size()
  }

  var path: String { file.path }

  func append(_ line: String) throws(Failure) {
    var bytes = Array(line.utf8)
    bytes.append(UInt8(ascii: "\n"))
    do throws(Failure) {
      try bytes.withUnsafeBufferPointer { bytes throws(Failure) in
        try file.write(UnsafeRawBufferPointer(bytes))
      }
    } catch {
      try? file.truncate(to: count)
      throw error
    }
    count += bytes.count
  }

  /// Cuts off what was written after a checkpoint.
  /// - Returns: bytes that are missing, where the log is shorter than that.
  func cut(to length: Int) throws(Failure) -> Int {
    let missing = max(0, length - count)
    count = min(count, length)
    try file.truncate(to: count)
    try file.synchronize()
    return missing
  }

  func synchronize() throws(Failure) { try file.synchronize() }
  func close() throws(Failure) { try file.close() }
}
