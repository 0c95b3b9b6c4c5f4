#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Which machines a remote shell reaches.
struct HostCheck {
  let agent: RemoteShell
  /// How long a machine may take to run a trivial command.
  var patience: Duration = .seconds(10)
  /// Remote shells at a time.
  private static let mostAtOnce = 64

  /// Those of some machines that run no command, in their order. Many are asked at once: one that is gone costs the whole patience.
  func silent(_ hosts: [String]) -> [String] {
    var seen: Set<String> = []
    let others = hosts.filter { !Machine.isThis($0) && seen.insert($0).inserted }
    return stride(from: 0, to: others.count, by: Self.mostAtOnce).flatMap {
      ask(others[$0..<min(others.count, $0 + Self.mostAtOnce)])
    }
  }

  private func ask(_ hosts: ArraySlice<String>) -> [String] {
    let started = hosts.map { host in
      let words = agent.command(on: host, ["true"])
      return (host, try? ChildProcess(words[0], Array(words.dropFirst()), output: 2))
    }
    var ends: [String: ChildProcess.ExitStatus] = [:]
    let limit = ContinuousClock.now + patience
    while true {
      let running = started.compactMap { host, child in ends[host] == nil ? child.map { (host, $0) } : nil }
      if running.isEmpty { break }
      let isLate = ContinuousClock.now > limit
      for (host, child) in running {
        if isLate { child.sendToGroup(SIGKILL) }
        if let end = child.ended() { ends[host] = isLate ? .signal(SIGKILL) : end }
      }
      usleep(20_000)
    }
    return started.map(\.0).filter { ends[$0] != .code(0) }
  }
}
