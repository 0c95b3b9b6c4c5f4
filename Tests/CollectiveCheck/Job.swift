import Collective
import Diagnostics
import Foundation

private nonisolated(unsafe) var askedToStop = false

extension Check {
  /// A job for `recur launch` to look after: `job FILE CODE... [options]`. Its k-th run ends with the k-th code; a code above
  /// 128 is a signal to the last rank, "wait" runs until SIGUSR1 and then ends with 75. Every run adds a line to FILE:
  /// ranks, process numbers, arguments.
  func job(_ arguments: [String]) throws {
    signal(SIGUSR1) { _ in askedToStop = true }
    let before = (try? String(contentsOfFile: arguments[0], encoding: .utf8)) ?? ""
    let attempt = before.split(separator: "\n").count
    let pids = try group.allGather(Array("\(getpid())".utf8)).map { String(decoding: $0, as: UTF8.self) }
    let line =
      "\(group.size) \(pids.joined(separator: ",")) \(arguments.dropFirst().joined(separator: " "))\n"
    if group.rank == 0 { try (before + line).write(toFile: arguments[0], atomically: true, encoding: .utf8) }
    try group.barrier()
    try end(as: arguments[1 + attempt])
  }

  private func end(as code: String) throws {
    if code == "wait" {
      var stops = [Double(0)]
      while stops[0] == 0 {
        usleep(10_000)
        stops[0] = askedToStop ? 1 : 0
        try stops.withUnsafeMutableBufferPointer { try group.allReduceSum($0) }
      }
      try group.finish()
      exit(75)
    }
    let number = Int32(code) ?? 70
    if number > 128, group.rank == group.size - 1 { kill(getpid(), number - 128) }
    if number > 128 { try group.barrier() }
    try group.finish()
    exit(number)
  }
}
