import Collective
import CollectiveCases
import Diagnostics
import Foundation

/// What a rank can be told to do.
struct Check {
  let group: any Communicator

  init(_ group: any Communicator) { self.group = group }

  func run(_ arguments: [String]) throws {
    let victim = arguments.count > 1 ? Int(arguments[1]) ?? 0 : 0
    switch arguments.first {
    case "verify": try verify()
    case "kill": try endEarly(victim) { kill(getpid(), SIGKILL) }
    case "abort": try endEarly(victim) { try group.abort(reason: "asked to abort", code: 65) }
    case "leave": try endEarly(victim) { exit(65) }
    case "stop": try stall(victim)
    case "split": try stallSplit(victim)
    case "finish":
      try group.finish()
      exit(75)
    case "maps": printMaps()
    case "bench": try bench(Array(arguments.dropFirst()))
    case "bench-row": try benchRow(Array(arguments.dropFirst()))
    case "job": try job(Array(arguments.dropFirst()))
    default:
      throw Failure.usage(
        "verify | kill R | abort R | leave R | stop R | split R | finish | maps | bench or bench-row [BYTES:REPEATS]... | job FILE CODE..."
      )
    }
  }

  /// All checks: as is, without shared memory, and then with messages cut into many; then the bits of a sum over lanes.
  private func verify() throws {
    var wrong = try CommonChecks.run(group)
    if let group = group as? MPI {
      group.sharesMemory = false
      wrong += try CommonChecks.run(group)
      group.longestMessage = 1000
      wrong += try CommonChecks.run(group, largest: 20_000)
      wrong += try EngineChecks.run(group)
      group.longestMessage = 1 << 30
      group.sharesMemory = true
      wrong += try EngineChecks.run(group)
      for firsts in PlacementChecks.placements(group.size) {
        group.pretendedMachines = firsts
        wrong += try CommonChecks.run(group, largest: 300_001)
        wrong += try PlacementChecks.run(group, firsts)
      }
      group.pretendedMachines = nil
    }
    for line in wrong { writeLine("wrong: \(line)") }
    let sum = try LaneInput.sum(group, count: 10_007, lanes: 8)
    let hash = sum.reduce(UInt64(0xcbf2_9ce4_8422_2325)) { ($0 ^ UInt64($1.bitPattern)) &* 0x100_0000_01b3 }
    let places = try group.allGather(Array("\(group.localRank)/\(group.localSize)@\(group.hostName)".utf8))
    if group.rank == 0 {
      let hosts = places.map { String(decoding: $0, as: UTF8.self) }
      print(
        "ranks \(group.size) wrong \(wrong.count) lanes \(String(hash, radix: 16)) places \(hosts.joined(separator: " "))"
      )
    }
    if !wrong.isEmpty { exit(70) }
  }

  /// The files mapped into this process, libraries among them. Such a file must be read to its end piece by piece.
  private func printMaps() {
    guard let file = fopen("/proc/self/maps", "r") else { return }
    while let line = readLine(from: file) { print(line) }
    fclose(file)
  }

  private func readLine(from file: UnsafeMutablePointer<FILE>) -> String? {
    var buffer = [CChar](repeating: 0, count: 4096)
    guard fgets(&buffer, 4096, file) != nil else { return nil }
    return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// One rank ends after a while; the others wait for it.
  private func endEarly(_ victim: Int, _ end: () throws -> Void) throws {
    for step in 0... {
      if group.rank == victim, step == 100 { try end() }
      try group.barrier()
    }
  }

  /// One rank is stopped at step 100; the watchdogs of the others must end the job.
  func stall(_ victim: Int) throws {
    let watchdog = try Watchdog(group, Self.impatient)
    for step in 0... {
      watchdog.progress.enter(.backward, step: step)
      if group.rank == victim, step == 100 { kill(getpid(), SIGSTOP) }
      usleep(5000)
      try group.barrier()
    }
  }

  /// The same where the others wait for it to make a part of the group.
  func stallSplit(_ victim: Int) throws {
    let watchdog = try Watchdog(group, Self.impatient)
    watchdog.progress.enter(.loading, step: 0)
    if group.rank == victim { kill(getpid(), SIGSTOP) }
    _ = try group.part(1..<group.size)
    watchdog.stop()
  }

  private static var impatient: Watchdog.Options {
    var options = Watchdog.Options()
    options.nameAfter = .seconds(1)
    options.stallTimeout = .seconds(3)
    options.beat = .milliseconds(200)
    return options
  }
}
