import Collective
import Diagnostics

/// The watchdog of a simulated rank: `JobWatch` under the virtual clock, with a network that loses.
final class SimulatedWatch {
  private let world: SimulatedWorld
  private let process: SimulatedProcess
  private var watch: JobWatch
  private var inbox: HeartbeatInbox
  private var sent: UInt64 = 0

  private static let epoch = ContinuousClock.now
  static let limits = Watchdog.Options(stallTimeout: .seconds(10)).limits
  private static let beat = UInt64(limits.beat.components.attoseconds / 1_000_000_000)

  init(_ world: SimulatedWorld, _ process: SimulatedProcess, hosts: [String]) {
    (self.world, self.process) = (world, process)
    let progress = process.progress
    watch = JobWatch(
      rank: process.rank, hosts: hosts, limits: Self.limits, now: Self.now(world), isOpen: true
    ) {
      progress.members(of: $0)
    }
    inbox = HeartbeatInbox(
      rank: process.rank, addresses: hosts.indices.map { Self.address($0) }, key: world.key)
  }

  private static func address(_ rank: Int) -> SocketAddress {
    SocketAddress(.loopback, port: UInt16(7000 + rank))
  }

  static func now(_ world: SimulatedWorld) -> ContinuousClock.Instant {
    epoch + .nanoseconds(Int64(world.scheduler.now))
  }

  func begin() {
    world.scheduler.after(world.scheduler.dice.time(0...(.milliseconds(2)))) { [self] in beat() }
  }

  private func beat() {
    guard !process.isGone else { return }
    let jitter = world.scheduler.dice.time(0...(.milliseconds(30)))
    world.scheduler.after(Self.beat + jitter) { [self] in beat() }
    guard !process.isStopped else { return }
    if process.progress.mark.waiting == nil, !process.hangs {
      if process.computes || process.hasComputed {
        process.progress.addBusyBeat()
      } else if process.fileCalls > 0, world.plant != .patience {
        process.progress.addBusyBeat(atDisk: true)
      }
    }
    process.hasComputed = false
    perform(watch.beat(Self.now(world), process.progress.mark))
  }

  func take(_ bytes: [UInt8], isStream: Bool) {
    guard let message = inbox.take(bytes, from: isStream ? nil : Self.address(sender(of: bytes))) else {
      return
    }
    if message.subject == .question {
      return send(.direct(watch.answer(Self.now(world))), to: message.from, asked: true)
    }
    perform(watch.take(message, Self.now(world)))
  }

  private func sender(of bytes: [UInt8]) -> Int { Int(bytes[0]) }

  private func send(_ subject: HeartbeatMessage.Body, to rank: Int, asked: Bool = false) {
    sent += 1
    let message = HeartbeatMessage(from: process.rank, to: rank, count: sent, subject)
    world.send(message.sealed(world.key), from: process, to: rank, asked: asked)
  }

  private func perform(_ acts: [JobWatch.Act]) {
    for act in acts {
      switch act {
      case .send(let subject, let rank): send(subject, to: rank)
      case .say(let finding):
        world.scheduler.note(UInt64(process.rank) << 40)
        world.said(process, finding)
      case .tell(let isWaiting): world.tellLauncher(process, Self.limits, isWaiting, Self.now(world))
      case .ask(let ranks): for rank in ranks { send(.question, to: rank, asked: true) }
      case .end(let finding):
        if world.plant == .waits || process.isGone { continue }
        for case .send(let subject, let rank) in acts { send(subject, to: rank) }
        if let finding { world.gaveUp(process, finding) }
        process.end(.code(Failure.Kind.retry.rawValue))
        world.ended(process)
      }
    }
  }
}
