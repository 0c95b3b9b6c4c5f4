#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Something that happens to a simulated job from outside of the program. Times are nanoseconds.
struct Fault: CustomStringConvertible {
  enum Kind: String, CaseIterable {
    /// A process is killed; is stopped from outside; waits for ever for something that is no rank.
    case kill, suspend, hang
    /// A host loses its link.
    case cut
    /// Datagrams to and from a host are dropped.
    case deaf
    /// Messages to a rank come late; calls of rank 0's disk take long, or fail; a rank computes for long.
    case delay, disk, full, compute
    /// A person asks for the end: all ranks, or one.
    case stop, stopOne
  }

  var kind: Kind
  var rank: Int
  /// When it begins, how long it lasts, and by how much.
  var at: UInt64
  var lasts: UInt64
  var by: UInt64

  /// Whether a job that this happens to may end without an end of its own.
  var isLethal: Bool { [.kill, .suspend, .hang, .cut, .full].contains(kind) }
  var isStop: Bool { [.stop, .stopOne].contains(kind) }
  /// How much longer a job may take.
  var cost: UInt64 {
    switch kind {
    case .delay, .disk: lasts * 2 + by * 40
    case .compute: by
    case .suspend, .hang, .cut, .deaf: .seconds(50)
    case .kill, .full, .stop, .stopOne: 0
    }
  }

  var description: String {
    let seconds = [at, lasts, by].map { "\(Double($0 / 1000) / 1e6)" }
    return "\(kind) of rank \(rank) at \(seconds[0]) s for \(seconds[1]) s by \(seconds[2]) s"
  }

  static func draw(_ dice: inout Dice, count: Int, ranks: Int, length: UInt64) -> [Fault] {
    (0..<count).map { _ in draw(&dice, ranks: ranks, length: length) }
  }

  /// - length: about how long the job takes.
  private static func draw(_ dice: inout Dice, ranks: Int, length: UInt64) -> Fault {
    var kind = dice.pick(Kind.allCases)
    // Nobody notices that the only rank hangs.
    if ranks == 1, [.suspend, .hang].contains(kind) { kind = .kill }
    let rank = dice.number(0...ranks - 1)
    let isLong = dice.one(of: 3)
    let by: UInt64
    switch kind {
    case .delay: by = dice.time(.milliseconds(1)...(isLong ? .seconds(8) : .milliseconds(200)))
    case .disk: by = dice.time(.milliseconds(1)...(isLong ? .seconds(40) : .seconds(1)))
    case .compute: by = dice.time(.milliseconds(100)...(isLong ? .seconds(60) : .seconds(3)))
    default: by = 0
    }
    let lasts = dice.time(.milliseconds(5)...(.milliseconds(200)))
    return Fault(kind: kind, rank: rank, at: dice.time(0...length), lasts: lasts, by: by)
  }
}

extension SimulatedWorld {
  /// Has it happen.
  func plan(_ fault: Fault) {
    guard fault.rank < processes.count else { return }
    let process = processes[fault.rank]
    scheduler.at(fault.at) { [self] in begin(fault, process) }
    scheduler.at(fault.at + fault.lasts) { [self] in end(fault, process) }
  }

  private func begin(_ fault: Fault, _ process: SimulatedProcess) {
    guard !process.isGone else { return }
    switch fault.kind {
    case .kill:
      process.end(.killed)
      ended(process)
    case .suspend:
      (process.isStopped, process.hangs) = (true, true)
      process.awayAt = process.awayAt ?? scheduler.now
    case .hang:
      process.hangs = true
      process.awayAt = process.awayAt ?? scheduler.now
    // The host that everything is started from, and where the run is kept, keeps its link.
    case .cut: if process.host != 0 { cut(process.host) }
    case .deaf: deaf.insert(process.host)
    case .delay: process.delay = fault.by
    case .disk: processes[0].diskDelay = fault.by
    case .full: processes[0].diskError = ENOSPC
    case .compute: process.work = fault.by
    case .stop:
      for other in processes {
        scheduler.after(scheduler.dice.time(0...(.milliseconds(50)))) {
          if !other.isGone { other.askToStop() }
        }
      }
    case .stopOne: process.askToStop()
    }
  }

  private func end(_ fault: Fault, _ process: SimulatedProcess) {
    switch fault.kind {
    case .delay: process.delay = 0
    case .disk: processes[0].diskDelay = 0
    case .full: processes[0].diskError = nil
    default: break
    }
  }
}
