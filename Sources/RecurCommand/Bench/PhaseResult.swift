import Kernels
import Recur

/// What one part of a step takes.
struct PhaseResult: Encodable {
  let phase: String
  /// Mean of a step.
  let milliseconds: Double
  /// Percent of the step.
  let share: Double
  /// As computed: padding and gates included in the time, padding in the operations; nil where there are no products.
  let gflops: Double?

  var line: String {
    "  " + phase.replacing("_", with: " ").rightPadded(to: 22)
      + [
        (Formatting.fixed(milliseconds, 4), 10), (Formatting.fixed(share, 1) + " %", 10),
        (gflops.map { Formatting.fixed($0, 1) + " GFLOP/s" } ?? "", 18),
      ].map { $0.leftPadded(to: $1) }.joined()
  }
}

extension StepProfile {
  /// - milliseconds: of a whole step.
  func results(steps: Double, milliseconds: Double) -> [PhaseResult] {
    var left = milliseconds
    var results = StepPhase.allCases.compactMap { phase -> PhaseResult? in
      guard let total = totals[phase] else { return nil }
      let own = total.seconds * 1e3 / steps
      left -= own
      return PhaseResult(
        phase: phase.rawValue, milliseconds: own, share: own / milliseconds * 100,
        gflops: phase.isProducts ? 2 * Double(total.operations) / total.seconds / 1e9 : nil)
    }
    results.append(
      PhaseResult(phase: "other", milliseconds: left, share: left / milliseconds * 100, gflops: nil))
    return results
  }

  /// The best of a few runs of independent fused multiply-adds on this core.
  static func peakGflops(_ kernels: KernelSet) -> Double {
    let clock = ContinuousClock()
    var sink = [Float](repeating: 0, count: 64)
    return (0..<5).map { _ in
      var operations = 0.0
      let time = clock.measure { operations = kernels.functions.peak(4_000_000, &sink) }
      return operations / (time / .seconds(1)) / 1e9
    }.max()!
  }
}
