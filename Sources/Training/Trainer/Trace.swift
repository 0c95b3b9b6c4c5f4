import Collective
import Diagnostics
import Files

/// What a rank did when, for `chrome://tracing` or ui.perfetto.dev.
final class Trace {
  enum Activity: UInt64, CaseIterable {
    case forward, backward, reduction, optimizer, evaluation, checkpoint
    /// A message that travels beside backward.
    case bucket
  }

  /// Events beyond this many are not recorded: 32 MB a rank.
  private static let limit = 1 << 20
  private let path: String
  private let group: any Communicator
  private let start: UInt64
  // Activity, step, begin, end.
  private var events: [UInt64] = []

  /// All ranks make one together. Throws where rank 0 can't write the file.
  init(path: String, _ group: any Communicator) throws {
    self.path = path
    self.group = group
    try group.together { if group.rank == 0 { try OutputFile.check(path, option: "--trace", of: .trace) } }
    // Hosts' clocks start anywhere: count from a moment that all share.
    try group.barrier()
    start = monotonicNanoseconds()
  }

  func add(_ activity: Activity, step: Int, from begin: UInt64, to end: UInt64 = monotonicNanoseconds()) {
    guard events.count < 4 * Self.limit else { return }
    events += [activity.rawValue, UInt64(step), begin - start, end - start]
  }

  /// Collects the events of all ranks in rank 0's file. All ranks call it.
  func write() throws {
    let hosts = try group.hostNames()
    let all = try group.gather(events.withUnsafeBytes { [UInt8]($0) }, to: 0)
    try group.together {
      guard let all else { return }
      let file = try OutputFile(path, option: "--trace", of: .trace)
      try file.write(Self.text(all, hosts))
      try file.close()
    }
  }

  private static func text(_ ranks: [[UInt8]], _ hosts: [String]) -> String {
    var lines: [String] = []
    for (rank, bytes) in ranks.enumerated() {
      let name = JSON.quoted("rank \(rank) on \(hosts[rank])")
      lines.append(
        "{\"name\":\"process_name\",\"ph\":\"M\",\"pid\":\(rank),\"tid\":0,\"args\":{\"name\":\(name)}}")
      bytes.withUnsafeBytes { bytes in
        let words = bytes.bindMemory(to: UInt64.self)
        for event in stride(from: 0, to: words.count, by: 4) {
          lines.append(line(rank, words[event], words[event + 1], words[event + 2], words[event + 3]))
        }
      }
    }
    return "{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n" + lines.joined(separator: ",\n") + "\n]}"
  }

  private static func line(_ rank: Int, _ activity: UInt64, _ step: UInt64, _ begin: UInt64, _ end: UInt64)
    -> String
  {
    let name = Activity(rawValue: activity)!
    let kind = name == .reduction || name == .bucket ? "communication" : "compute"
    let thread = name == .bucket ? 1 : 0
    return "{\"name\":\"\(name)\",\"cat\":\"\(kind)\",\"ph\":\"X\",\"pid\":\(rank),\"tid\":\(thread)"
      + ",\"ts\":\(Double(begin) / 1000),\"dur\":\(Double(end - begin) / 1000),\"args\":{\"step\":\(step)}}"
  }
}
