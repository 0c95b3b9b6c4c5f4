#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The ranks of a job on this machine and what they started: known by the variable that their supervisor gave them, wherever in
/// the tree of processes they are. None where the system has no `/proc`.
struct JobProcesses {
  private let mark: [UInt8]
  private let starter: Starter

  /// - card: the value of `JobChannel.variable`.
  init(card: String, starter: Starter) {
    mark = Array("\(JobChannel.variable)=\(card)".utf8)
    self.starter = starter
  }

  /// Those that have not ended, each with its rank. The starter and its remote shells have the variable too, but no rank.
  private var all: [pid_t: Int] {
    var found: [pid_t: Int] = [:]
    for number in Self.numbers(in: "/proc") { if let rank = rank(of: number) { found[pid_t(number)] = rank } }
    return found
  }

  /// The entries of a folder that are numbers of processes or threads.
  private static func numbers(in path: String) -> [Int] {
    guard let folder = opendir(path) else { return [] }
    defer { closedir(folder) }
    var numbers: [Int] = []
    while let entry = readdir(folder) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if let number = decimal(name.utf8, in: 1...Int(pid_t.max)) { numbers.append(number) }
    }
    return numbers
  }

  /// The ranks that have such a process.
  var ranks: Set<Int> { Set(all.values) }

  /// nil for a process that is none of the job's ranks.
  private func rank(of number: Int) -> Int? {
    let lines = Self.bytes("/proc/\(number)/environ").split(separator: 0)
    guard lines.contains(where: { $0.elementsEqual(mark) }) else { return nil }
    return starter.rank(variables(of: lines.map { String(decoding: $0, as: UTF8.self) }))
  }

  /// Whether it does nothing until a SIGCONT, or has ended.
  static func isStopped(_ number: pid_t) -> Bool {
    state("/proc/\(number)/stat").map { "TtZX".utf8.contains($0) } ?? true
  }

  /// Whether the system says of a thread of this process that it waits for a disk.
  static var isOwnAtDisk: Bool {
    let folder = "/proc/self/task"
    return numbers(in: folder).contains { state("\(folder)/\($0)/stat") == UInt8(ascii: "D") }
  }

  /// The letter for what a process or thread is at.
  private static func state(_ path: String) -> UInt8? {
    let status = bytes(path)
    // "12 (a name, perhaps with marks) T 1 …"
    guard let end = status.lastIndex(of: UInt8(ascii: ")")), end + 2 < status.count else { return nil }
    return status[end + 2]
  }

  private static func bytes(_ path: String) -> [UInt8] {
    guard let file = fopen(path, "r") else { return [] }
    defer { fclose(file) }
    var result: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while case let count = fread(&chunk, 1, chunk.count, file), count > 0 { result += chunk[..<count] }
    return result
  }

  func send(_ signal: Int32) { for number in all.keys { kill(number, signal) } }

  /// Ends those that are left, stopped ones too, and returns when they are gone: they keep the run's lock until then.
  func end() {
    for _ in 0..<500 {
      let left = all
      if left.isEmpty { return }
      for number in left.keys { kill(number, SIGKILL) }
      usleep(10_000)
    }
  }

  /// Stops those that did not stop by themselves.
  /// - within: how long they may take.
  func stop(within limit: Duration) {
    let end = ContinuousClock.now + limit
    while ContinuousClock.now < end, all.keys.contains(where: { !Self.isStopped($0) }) { usleep(10_000) }
    for number in all.keys where !Self.isStopped(number) { kill(number, SIGSTOP) }
  }
}
