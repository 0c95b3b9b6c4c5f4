import Diagnostics
import Digests

/// How a supervisor learns that ranks of its job end, from the ranks themselves and from nothing that is printed.
///
/// mpirun waits without end for the daemon of a host whose link is lost, even when no rank is left: its exit code alone is not
/// enough. Each rank that ends by itself therefore tells its exit code in a datagram with a code (HMAC-SHA-256) that only who has
/// the job's secret can make. The secret and the supervisor's addresses reach the ranks in the environment, where only processes
/// of the same user can look. The rank that watches over the others says so over TCP, at the same addresses (`JobPulse`).
package final class JobChannel {
  package static let variable = "RECUR_LAUNCH"

  private let secret = HMAC.newKey()
  private let sockets: [DatagramSocket]
  private let streams: [StreamListener]
  package private(set) var pulse = JobPulse()
  private var codes: [Int: Int32] = [:]
  /// The code of the first rank that told of a failure.
  private(set) var firstFailure: Int32?
  /// Whether a rank ended because others stayed away.
  package private(set) var hasGivenUp = false
  private var failedAt: ContinuousClock.Instant?
  private var lastEnd: ContinuousClock.Instant?
  private var seen: Set<Int> = []
  private var missingSince: ContinuousClock.Instant?

  /// - addresses: of this machine, beside loopback, where ranks of other machines can reach it.
  package init(reachableAt addresses: [IPAddress]) throws {
    let ends = ([IPAddress.loopback] + addresses).compactMap { Self.open($0) }
    sockets = ends.map { $0.datagrams }
    streams = ends.compactMap { $0.streams }
    guard !sockets.isEmpty else {
      throw Failure(.unavailable, "can't open a socket on the loopback device: \(systemError())")
    }
  }

  /// Both kinds of socket at one port, which another program may have of the one kind alone; without the second, pulses are not heard.
  private static func open(_ address: IPAddress) -> (datagrams: DatagramSocket, streams: StreamListener?)? {
    for _ in 0..<8 {
      guard let datagrams = DatagramSocket(boundTo: address), let port = datagrams.localAddress?.port
      else { return nil }
      if let streams = StreamListener(boundTo: address, port: port) { return (datagrams, streams) }
    }
    guard let datagrams = DatagramSocket(boundTo: address) else { return nil }
    return (datagrams, nil)
  }

  /// What the ranks must find in `variable`.
  package var card: String {
    RankReport(secret: secret, supervisors: sockets.compactMap(\.localAddress)).card
  }

  /// Takes in what has come.
  package func listen() {
    for socket in sockets {
      // Whoever floods it can't keep the supervisor here.
      for _ in 0..<1024 {
        guard let (bytes, _) = socket.receive(atMost: RankReport.messageSize) else { break }
        take(bytes)
      }
    }
    for listener in streams {
      // Who connects has something to say at once.
      for _ in 0..<4 {
        guard let bytes = listener.accept()?.receive(within: .milliseconds(50)) else { break }
        take(bytes)
      }
    }
  }

  private func take(_ bytes: [UInt8]) {
    switch RankReport.word(in: bytes, secret: secret) {
    case .end(let rank, let code, let gaveUp):
      note(rank, code)
      hasGivenUp = hasGivenUp || gaveUp
    case .watches(_, let patience, let isWaiting):
      pulse.beat(.now, patience: patience, isWaiting: isWaiting)
    case nil: break
    }
  }

  /// For how long nobody has watched over the job, though it was watched over and nobody said that this would end.
  package func unwatched() -> Duration? { pulse.isMissing(.now) }

  private func note(_ rank: Int, _ code: Int32) {
    guard codes.updateValue(code, forKey: rank) == nil else { return }
    lastEnd = .now
    if code != 0, failedAt == nil { (failedAt, firstFailure) = (.now, code) }
  }

  /// Takes in which ranks have a process on this machine. Those that had one, or must have one as soon as any has, and have not
  /// told how they ended were killed.
  /// - total: the number of ranks, where all are on this machine.
  func note(present: Set<Int>, of total: Int?) {
    let isStarting = !present.isSubset(of: seen)
    seen.formUnion(present)
    let expected = total.map { seen.isEmpty ? [] : seen.union(0..<$0) } ?? seen
    let missing = expected.subtracting(present).subtracting(codes.keys)
    // Hundreds take their time to be started: who had no process yet is missed once no other one gets one.
    let isLost = !missing.isDisjoint(with: seen)
    missingSince = missing.isEmpty ? nil : isStarting && !isLost ? .now : missingSince ?? .now
  }

  /// Whether ranks of this machine were killed.
  var isMissingRanks: Bool { missingSince != nil }

  /// For how long the job has been over: since the first rank failed or was killed, or the last of all ended well. nil while it runs.
  package func over(ranks: Int) -> Duration? {
    if let first = [failedAt, missingSince].compactMap({ $0 }).min() { return .now - first }
    guard codes.count >= ranks, let lastEnd else { return nil }
    return .now - lastEnd
  }

  /// Whether every rank has told that it ended with 0.
  package func allEndedWell(ranks: Int) -> Bool {
    codes.count >= ranks && codes.values.allSatisfy { $0 == 0 }
  }

  /// Whether all work is done, whatever becomes of the processes: every rank ended with 0, or they left their last call together and none
  /// told of a failure since.
  package func isDone(ranks: Int) -> Bool {
    allEndedWell(ranks: ranks) || pulse.isOver && firstFailure == nil
  }

  /// Time that does not count, because the job was suspended.
  package func passOver(_ time: Duration) {
    pulse.passOver(time)
    failedAt = failedAt.map { $0 + time }
    lastEnd = lastEnd.map { $0 + time }
    missingSince = missingSince.map { $0 + time }
  }
}
