import Collective
import Diagnostics

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Processes that train, a few at a time. A request to stop goes to all of them: they save, and the queue ends when the last has.
struct TrialQueue {
  private struct Waiting {
    var trial: Int
    var tries = 0
    var due = ContinuousClock.now
  }
  private struct Running {
    var place: Waiting
    var child: ChildProcess
  }

  /// How often a trial that ended with 75 is started again: a process that a killed sweep left needs a moment to save.
  private static let mostTries = 40

  /// So many at once.
  let jobs: Int
  /// Starts the process of a trial.
  let start: (_ trial: Int) throws -> ChildProcess
  /// Called when a trial's process has ended by itself.
  let ended: (_ trial: Int, _ end: ChildProcess.End) -> Void
  private var inbox = SignalInbox([SIGINT, SIGTERM, SIGUSR1, SIGHUP, SIGTSTP])
  private var running: [Running] = []
  private var requests = 0

  init(
    jobs: Int, start: @escaping (Int) throws -> ChildProcess,
    ended: @escaping (Int, ChildProcess.End) -> Void
  ) {
    (self.jobs, self.start, self.ended) = (jobs, start, ended)
  }

  /// - Returns: whether all have ended by themselves; false where a stop was asked for.
  mutating func run(_ trials: [Int]) throws -> Bool {
    var waiting = trials.map { Waiting(trial: $0) }
    while !running.isEmpty || !waiting.isEmpty && requests == 0 {
      do {
        try fill(from: &waiting)
      } catch {
        endAll()
        throw error
      }
      switch inbox.next(within: 20) {
      case SIGTSTP: suspend()
      case nil: break
      default: stop()
      }
      collect(into: &waiting)
    }
    return requests == 0
  }

  private mutating func fill(from waiting: inout [Waiting]) throws {
    while requests == 0, running.count < jobs, let next = waiting.firstIndex(where: { $0.due <= .now }) {
      let place = waiting.remove(at: next)
      running.append(Running(place: place, child: try start(place.trial)))
    }
  }

  private mutating func collect(into waiting: inout [Waiting]) {
    running.removeAll { process in
      guard let end = process.child.ended() else { return false }
      if end == .code(Failure.Kind.retry.rawValue), process.place.tries < Self.mostTries {
        let tries = process.place.tries + 1
        waiting.append(Waiting(trial: process.place.trial, tries: tries, due: .now + .milliseconds(250)))
      } else if requests == 0 || end == .code(0) {
        ended(process.place.trial, end)
      }
      return true
    }
  }

  /// The first request lets the trials save, the second ends them at once, the third is not to be refused.
  private mutating func stop() {
    requests += 1
    if requests == 1 {
      Console.note("recur: stopping: the trials under way save and end (once more ends them at once)")
    }
    for process in running {
      if requests < 3 { process.child.send(SIGTERM) } else { process.child.sendToGroup(SIGKILL) }
    }
  }

  /// ^Z reaches the trials too, which are in groups of their own; they go on with this process.
  private func suspend() {
    for process in running { process.child.sendToGroup(SIGSTOP) }
    raise(SIGSTOP)
    for process in running { process.child.sendToGroup(SIGCONT) }
  }

  /// Nothing is left running when this process fails.
  private mutating func endAll() {
    for process in running { process.child.send(SIGTERM) }
    for process in running { while process.child.ended() == nil { usleep(10_000) } }
    running = []
  }
}
