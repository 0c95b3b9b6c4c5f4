import Foundation

/// How a run tells that it is alive: on a terminal one line that is redrawn ten times a second, in a pipe plain lines,
/// at most one a second and one an epoch.
struct ProgressLine {
  struct Position {
    /// From 1.
    var epoch: Int
    var epochs: Int
    /// Steps of this epoch done, and how many it has.
    var step: Int
    var steps: Int
    var loss: Double
    var samplesPerSecond: Double
    var secondsLeft: Double
  }

  private let onTerminal: Bool
  private let clock = ContinuousClock()
  private var lastWritten: ContinuousClock.Instant?
  private var lastWidth = 0

  init(onTerminal: Bool = Console.isTerminal) { self.onTerminal = onTerminal }

  /// Whether a call of `show` now would be heeded; asks only the clock, so that a step costs nothing.
  var isDue: Bool {
    guard let lastWritten else { return true }
    return clock.now - lastWritten >= (onTerminal ? .milliseconds(100) : .seconds(1))
  }

  /// Shows where the run is, if enough time has passed; the end of the last epoch is always shown.
  mutating func show(_ position: Position) {
    let atEpochEnd = position.step == position.steps
    let last = atEpochEnd && position.epoch == position.epochs
    guard last || isDue && (onTerminal || atEpochEnd) else { return }
    lastWritten = clock.now
    draw(ProgressLine.text(position))
  }

  /// Leaves the line as it stands, so that other output starts on its own line.
  mutating func finish() {
    if onTerminal && lastWidth > 0 { try? Console.write("\n", to: STDERR_FILENO) }
    lastWidth = 0
  }

  static func text(_ p: Position) -> String {
    let width = String(p.epochs).count
    let epoch = String(p.epoch).leftPadded(to: width)
    let step = String(p.step).leftPadded(to: String(p.steps).count)
    return "epoch \(epoch)/\(p.epochs)  step \(step)/\(p.steps)  loss \(String(format: "%.6f", p.loss))  "
      + "\(Formatting.rate(p.samplesPerSecond)) samples/s  \(Formatting.duration(p.secondsLeft)) left"
  }

  private mutating func draw(_ text: String) {
    guard onTerminal else { return Console.note(text) }
    let blank = String(repeating: " ", count: max(0, lastWidth - text.count))
    try? Console.write("\r\(text)\(blank)", to: STDERR_FILENO)
    lastWidth = text.count
  }
}

extension String {
  func leftPadded(to width: Int) -> String {
    count >= width ? self : String(repeating: " ", count: width - count) + self
  }
}
