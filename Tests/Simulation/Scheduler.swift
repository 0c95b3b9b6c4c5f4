import Diagnostics
import Dispatch
import TestSupport

/// Threads of which one runs at a time, in an order that a seed decides, under a clock that moves when nobody does.
///
/// Who lets go looks for what comes next and hands over to it; nothing depends on how the system schedules threads.
final class Scheduler: @unchecked Sendable {
  /// A thread of a simulated process.
  final class Fiber: @unchecked Sendable {
    let name: String
    let process: SimulatedProcess?
    fileprivate let turn = DispatchSemaphore(value: 0)
    /// How often it has let go: a call to go on that was meant for an earlier time is none.
    fileprivate var ticket = 0
    /// Whether it has come to its end: who wakes it then wakes nobody.
    fileprivate var isOver = false

    fileprivate init(_ name: String, _ process: SimulatedProcess?) {
      (self.name, self.process) = (name, process)
    }
  }

  private enum Task {
    case resume(Fiber, ticket: Int)
    case action(() -> Void)
  }
  private struct Event {
    var time: UInt64
    var place: UInt64
    var subject: Task

    static func < (a: Event, b: Event) -> Bool { (a.time, a.place) < (b.time, b.place) }
  }

  /// Nanoseconds.
  private(set) var now: UInt64 = 0
  /// Whose turn it is; nil while something happens that is nobody's.
  private(set) var current: Fiber?
  var dice: Dice
  /// Of all that happened, in its order: the same seed gives the same.
  private(set) var trace: UInt64 = 0xcbf2_9ce4_8422_2325
  private var events: [Event] = []
  private var limit: UInt64 = 0
  private let done = DispatchSemaphore(value: 0)

  init(seed: UInt64) { dice = Dice(seed: seed) }

  /// Runs what is planned up to a time; returns when there is no more of it.
  func run(until limit: UInt64) {
    self.limit = limit
    advance(nil)
    done.wait()
    now = max(now, events.isEmpty ? now : limit)
  }

  func at(_ time: UInt64, _ action: @escaping () -> Void) { add(time, .action(action)) }
  func after(_ time: UInt64, _ action: @escaping () -> Void) { at(now + time, action) }

  /// Begins a thread, which runs when it is its turn.
  func start(_ name: String, _ process: SimulatedProcess?, _ body: @escaping @Sendable () -> Void) -> Fiber {
    let fiber = Fiber(name, process)
    do {
      pthreadDetach(
        try startThread { [self] in
          fiber.turn.wait()
          body()
          fiber.isOver = true
          current = nil
          advance(nil)
        })
    } catch { fatalError("\(error)") }
    wake(fiber)
    return fiber
  }

  /// Lets others go on for some time.
  func sleep(_ time: UInt64) {
    guard let fiber = current else { preconditionFailure("sleep: nobody runs") }
    wake(fiber, in: time)
    advance(fiber)
  }

  /// Lets others go on until one of them wakes this thread.
  func block() {
    guard let fiber = current else { preconditionFailure("block: nobody runs") }
    advance(fiber)
  }

  func wake(_ fiber: Fiber, in time: UInt64 = 0) {
    add(now + time, .resume(fiber, ticket: fiber.ticket))
  }

  /// Notes what happens.
  func note(_ number: UInt64) { trace = (trace ^ number) &* 0x100_0000_01b3 }

  private func advance(_ own: Fiber?) {
    while let event = events.first, event.time <= limit {
      removeFirst()
      now = max(now, event.time)
      switch event.subject {
      case .action(let action):
        current = nil
        action()
      case .resume(let fiber, let ticket):
        guard fiber.ticket == ticket, !fiber.isOver else { continue }
        fiber.ticket += 1
        current = fiber
        note(now)
        if fiber === own { return }
        fiber.turn.signal()
        own?.turn.wait()
        return
      }
    }
    current = nil
    done.signal()
    own?.turn.wait()
  }

  // A heap; what is planned for one time comes in an order of chance.
  private func add(_ time: UInt64, _ subject: Task) {
    events.append(Event(time: time, place: dice.next(), subject: subject))
    var index = events.count - 1
    while index > 0, events[index] < events[(index - 1) / 2] {
      events.swapAt(index, (index - 1) / 2)
      index = (index - 1) / 2
    }
  }

  private func removeFirst() {
    events.swapAt(0, events.count - 1)
    events.removeLast()
    var index = 0
    while true {
      var least = index
      for child in [2 * index + 1, 2 * index + 2] where child < events.count && events[child] < events[least]
      {
        least = child
      }
      if least == index { return }
      events.swapAt(index, least)
      index = least
    }
  }
}

/// Choices that follow from a seed.
struct Dice: RandomNumberGenerator {
  private var numbers: SplitMix

  init(seed: UInt64) { numbers = SplitMix(state: seed) }

  mutating func next() -> UInt64 { numbers.next() }
  mutating func one(of count: Int) -> Bool { Int.random(in: 0..<count, using: &self) == 0 }
  mutating func pick<Item>(_ items: [Item]) -> Item { items.randomElement(using: &self)! }
  mutating func number(_ range: ClosedRange<Int>) -> Int { .random(in: range, using: &self) }
  mutating func time(_ range: ClosedRange<UInt64>) -> UInt64 { .random(in: range, using: &self) }
}

/// Nanoseconds of other units.
extension UInt64 {
  static func microseconds(_ count: UInt64) -> UInt64 { count * 1000 }
  static func milliseconds(_ count: UInt64) -> UInt64 { count * 1_000_000 }
  static func seconds(_ count: UInt64) -> UInt64 { count * 1_000_000_000 }
}
