#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A question to some machines, whether a remote shell reaches them. Many are asked at once: one that is gone costs the whole patience.
///
/// It has no thread: who asks looks after it until it is done.
struct HostCheck {
  /// Those that are asked, once each; this machine is not.
  let hosts: [String]
  /// Those of them that run no command, as far as that is known by now.
  private(set) var silent: Set<String> = []
  private let agent: RemoteShell
  private let patience: Duration
  private let isQuiet: Bool
  private var next = 0
  private var running: [(host: String, child: ChildProcess, since: ContinuousClock.Instant)] = []

  /// Remote shells at a time.
  private static let mostAtOnce = 64

  /// - patience: how long a machine may take to run a trivial command.
  /// - isQuiet: whether what the remote shell says about it is kept back, as where it was said before.
  init(agent: RemoteShell, _ hosts: [String], patience: Duration = .seconds(10), isQuiet: Bool = false) {
    (self.agent, self.patience, self.isQuiet) = (agent, patience, isQuiet)
    var seen: Set<String> = []
    self.hosts = hosts.filter { !Machine.isThis($0) && seen.insert($0).inserted }
  }

  var isDone: Bool { next == hosts.count && running.isEmpty }

  /// Takes in who has answered, and asks the next.
  mutating func look() {
    let now = ContinuousClock.now
    running = running.filter { host, child, since in
      guard let end = child.ended() else {
        if now - since > patience {
          silent.insert(host)
          child.sendToGroup(SIGKILL)
        }
        return true
      }
      if end != .code(0) { silent.insert(host) }
      return false
    }
    while next < hosts.count, running.count < Self.mostAtOnce {
      let host = hosts[next]
      next += 1
      let words = agent.command(on: host, ["true"])
      let errors: Int32 = isQuiet ? -1 : 2
      if let child = try? ChildProcess(words[0], Array(words.dropFirst()), output: 2, errors: errors) {
        running.append((host, child, now))
      } else {
        silent.insert(host)
      }
    }
  }

  /// Looks until all have answered, or their time is over.
  mutating func wait() {
    while !isDone {
      look()
      if !isDone { usleep(20_000) }
    }
  }

  /// Nobody wants to know any more.
  mutating func cancel() {
    for (_, child, _) in running { child.sendToGroup(SIGKILL) }
    next = hosts.count
    while true {
      running.removeAll { $0.child.ended() != nil }
      if running.isEmpty { return }
      usleep(1000)
    }
  }
}
