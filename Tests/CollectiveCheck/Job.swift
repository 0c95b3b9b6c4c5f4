import Collective
import Diagnostics
import Foundation

private nonisolated(unsafe) var askedToStop = false

extension Check {
  /// A job for `recur launch` to look after: `job FILE CODE... [options]`. Its k-th run ends with the k-th code; a code above
  /// 128 is a signal to the last rank, "wait" runs until SIGUSR1 and then ends with 75, "abort" has the last rank end all with 65, "64/75" is the
  /// code of each rank, "talk" writes for a while and then "done" to
  /// FILE, "tell" writes its arguments to standard error and ends well after three seconds. Every run adds a line to FILE: ranks,
  /// process numbers, arguments.
  func job(_ arguments: [String]) throws {
    signal(SIGUSR1) { _ in askedToStop = true }
    let before = (try? String(contentsOfFile: arguments[0], encoding: .utf8)) ?? ""
    let attempt = before.split(separator: "\n").count
    let pids = try group.allGather(Array("\(getpid())".utf8)).map { String(decoding: $0, as: UTF8.self) }
    let line =
      "\(group.size) \(pids.joined(separator: ",")) \(arguments.dropFirst().joined(separator: " "))\n"
    if group.rank == 0 { try (before + line).write(toFile: arguments[0], atomically: true, encoding: .utf8) }
    try group.barrier()
    switch arguments[1 + attempt] {
    case "talk": try talk(arguments[0], before + line)
    case "tell":
      for argument in arguments { writeLine(argument) }
      sleep(3)
    case let code: try end(as: code)
    }
  }

  private func talk(_ file: String, _ text: String) throws {
    for number in 0..<100 {
      let line = "line \(number) of rank \(group.rank): \(String(repeating: "-", count: 1000))\n"
      try FileHandle.standardOutput.write(contentsOf: Data(line.utf8))
      writeLine("note \(number) of rank \(group.rank)")
      usleep(10_000)
    }
    try group.barrier()
    if group.rank == 0 { try (text + "done\n").write(toFile: file, atomically: true, encoding: .utf8) }
    try group.finish()
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
    if code == "abort" {
      if group.rank == group.size - 1 { try group.abort(reason: "asked to abort", code: 65) }
      try group.barrier()
    }
    let codes = code.split(separator: "/")
    let number = Int32(codes[group.rank % codes.count]) ?? 70
    if number > 128, group.rank == group.size - 1 { kill(getpid(), number - 128) }
    if number > 128 { try group.barrier() }
    try group.finish()
    // Which rank fails first is not left to chance.
    if codes.count > 1 { sleep(UInt32(group.rank)) }
    exit(number)
  }
}
