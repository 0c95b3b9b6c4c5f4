/// What a supervisor knows of the watchdogs of its job: the rank that judges says now and then that it does, and within what time it will
/// say so again. Where nobody does any more, every rank that the supervisor can reach is stopped, and nobody but it is left to notice.
///
/// It has no clock: who runs it says what time it is (a simulator runs it under its own).
package struct JobPulse {
  private var last: ContinuousClock.Instant?
  private var patience: Duration = .zero
  private var lastLook: ContinuousClock.Instant?
  /// Whether ranks wait for somebody for so long that they say so.
  package private(set) var isWaiting = false
  /// Whether it was said that nobody watches any more, because all ranks have done their work.
  package private(set) var isOver = false

  package init() {}

  /// - patience: the next word comes before so much time is over; zero for none, because nobody watches any more.
  package mutating func beat(_ now: ContinuousClock.Instant, patience: Duration, isWaiting: Bool) {
    (last, self.patience, self.isWaiting) = (patience > .zero ? now : nil, patience, isWaiting)
    isOver = patience <= .zero
  }

  /// Whether a word is missing. Asked often: what passes between two questions that are far apart, as where the machine slept, does not count.
  /// - Returns: for how long none has come.
  package mutating func isMissing(_ now: ContinuousClock.Instant) -> Duration? {
    if let lastLook, now - lastLook > .seconds(2) { passOver(now - lastLook) }
    lastLook = now
    guard let last, now - last > patience else { return nil }
    return now - last
  }

  /// Time that does not count, because the job was suspended.
  package mutating func passOver(_ time: Duration) {
    last = last.map { $0 + time }
    lastLook = nil
  }
}
