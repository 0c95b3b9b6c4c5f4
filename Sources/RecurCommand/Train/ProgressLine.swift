import Diagnostics
import Recur

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// How a run tells that it is alive: on a terminal one line that is redrawn ten times a second, in a pipe plain lines,
/// at most one a second and one an epoch.
struct ProgressLine {
  struct Progress {
    /// From 1.
    var epoch: Int
    var epochs: Int
    /// Steps of this epoch done, and how many it has.
    var step: Int
    var steps: Int
    var loss: Double
    /// Of the training part, the share of right answers.
    var accuracy: Double?
    /// Of the training part, in the units of the file.
    var error: Error?
    var validation: EvaluationMetrics?
    var slowest: SlowestRank?
    var samplesPerSecond: Double
    var secondsLeft: Double

    /// Whether the epoch has ended, its validation included.
    var atEpochEnd: Bool
    var isLast: Bool { atEpochEnd && epoch == epochs }

    struct Error {
      var name: String
      var value: Double
    }
  }

  private let onTerminal: Bool
  private let clock = ContinuousClock()
  private var lastShown: ContinuousClock.Instant?
  private var lastWidth = 0

  init(onTerminal: Bool = Console.isTerminal) { self.onTerminal = onTerminal }

  /// Shows where the run is, if enough time has passed; the end of the last epoch is always shown.
  mutating func show(_ position: Progress) {
    let now = clock.now
    let pause: Duration = onTerminal ? .milliseconds(100) : .seconds(1)
    let isDue = lastShown.map { now - $0 >= pause } ?? true
    guard position.isLast || isDue && (onTerminal || position.atEpochEnd) else { return }
    lastShown = now
    draw(position.text(withStep: onTerminal))
  }

  /// Leaves the line as it stands, so that other output starts on its own line.
  mutating func finish() {
    if lastWidth > 0 { try? Console.write("\n", to: STDERR_FILENO) }
    lastWidth = 0
  }

  private mutating func draw(_ text: String) {
    guard onTerminal else { return Console.note(text) }
    let line = text.shown.shortened(to: Console.terminalWidth - 1)
    let blank = String(repeating: " ", count: max(0, lastWidth - line.columns))
    try? Console.write("\r\(line)\(blank)", to: STDERR_FILENO)
    lastWidth = line.columns
  }
}

extension ProgressLine.Progress {
  func text(withStep: Bool) -> String {
    var parts = ["epoch \(String(epoch).leftPadded(to: String(epochs).count))/\(epochs)"]
    if withStep {
      parts.append("step \(String(step).leftPadded(to: String(steps).count))/\(steps)")
    }
    parts.append("loss \(Formatting.short(loss))")
    if let accuracy { parts.append("accuracy \(Formatting.percent(accuracy))") }
    if let error { parts.append("\(error.name) \(Formatting.short(error.value))") }
    if let validation {
      parts.append("validation \(Formatting.short(validation.loss))")
      if let accuracy = validation.accuracy { parts.append("accuracy \(Formatting.percent(accuracy))") }
      if let mae = validation.originalUnits?.mae ?? validation.mae {
        parts.append("mae \(Formatting.short(mae))")
      }
    }
    parts.append("\(Formatting.rate(samplesPerSecond)) samples/s")
    parts.append("\(Formatting.duration(secondsLeft)) left")
    if let slowest {
      parts.append(
        "slowest rank \(slowest.rank) on \(slowest.host) +\(Int((100 * slowest.excess).rounded()))%")
    }
    return parts.joined(separator: "  ")
  }
}
