import Collective
import Diagnostics

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Processes that train, a few at a time. A request to stop goes to all of them: they save, and the queue ends when the last has.
struct TrialQueue {
  /// What comes of starting a trial.
  enum Start {
    case running(ChildProcess)
    /// Another process of the sweep has it.
    case elsewhere
    /// It needs no process any more.
    case done
  }
  private struct Waiting {
    var trial: Int
    var tries = 0
    var due = ContinuousClock.now
    var isElsewhere = false
  }
  private struct Running {
    var place: Waiting
    /// Which of the places for trials it has, from 0.
    var slot: Int
    var child: ChildProcess
  }

  /// How often a trial that ended with 75 is started again: a process that a killed sweep left needs a moment to save.
  private static let mostTries = 40

  /// So many at once.
  let jobs: Int
  /// Whether trials that others have are waited for; without, the queue ends when there are only such.
  let waits: Bool
  /// Starts the process of a trial at one of the places, or where it was before.
  let start: (_ trial: Int, _ slot: Int, _ isAgain: Bool) throws -> Start
  /// Called when a trial's process has ended by itself.
  let ended: (_ trial: Int, _ end: ChildProcess.ExitStatus) -> Void
  private var inbox = SignalInbox([SIGINT, SIGTERM, SIGUSR1, SIGHUP, SIGTSTP])
  private var running: [Running] = []
  private var requests = 0
  /// The place that was free for longest comes first: a machine that fails does not get each trial.
  private var freeSlots: [Int]

  init(
    jobs: Int, waits: Bool, start: @escaping (Int, Int, Bool) throws -> Start,
    ended: @escaping (Int, ChildProcess.ExitStatus) -> Void
  ) {
    (self.jobs, self.waits, self.start, self.ended) = (jobs, waits, start, ended)
    freeSlots = Array(0..<jobs)
  }

  /// - Returns: whether all have ended by themselves, here or elsewhere; false where a stop was asked for.
  mutating func run(_ trials: [Int]) throws -> Bool {
    var waiting = trials.map { Waiting(trial: $0) }
    while !running.isEmpty || requests == 0 && waiting.contains(where: { waits || !$0.isElsewhere }) {
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
    while requests == 0, let slot = freeSlots.first, let next = waiting.firstIndex(where: { $0.due <= .now })
    {
      var place = waiting.remove(at: next)
      switch try start(place.trial, slot, place.tries > 0) {
      case .running(let child):
        place.isElsewhere = false
        freeSlots.removeFirst()
        running.append(Running(place: place, slot: slot, child: child))
      case .elsewhere:
        (place.isElsewhere, place.due) = (true, .now + .seconds(1))
        waiting.append(place)
      case .done: break
      }
    }
  }

  private mutating func collect(into waiting: inout [Waiting]) {
    running.removeAll { process in
      guard let end = process.child.ended() else { return false }
      freeSlots.append(process.slot)
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
