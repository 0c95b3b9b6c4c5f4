import ArgumentParser
import Recur

extension DistributedSpecification.Reduction: ExpressibleByArgument, Encodable {}

struct BenchReport: Encodable {
  var command = "bench"
  let reduction: DistributedSpecification.Reduction
  /// `cpu`, or the GPU's name.
  let device: String
  /// What a processor computed with; `-bf16` where factors were rounded.
  let kernels: String?
  let cases: [BenchResult]
  /// Measured for one core, with `--profile`.
  let peakGflops: Double?
}

struct InferenceReport: Encodable {
  var command = "bench"
  var isInference = true
  let kernels: String
  let cases: [InferenceResult]
}

struct BenchResult: Encodable {
  let name: String
  let ranks: Int
  /// Of each rank.
  let threads: Int
  /// Of one step.
  let milliseconds: StepMilliseconds
  /// Matrix products only, of all ranks: 2 operations for each multiply-add, three passes (forward, and two in backward).
  let gflops: Double
  /// Of all ranks.
  let samplesPerSecond: Double
  /// Of several ranks that add: what one rank alone would need for a step, of what this one took.
  let efficiency: Double?
  /// Of one rank's batch, all sequences together.
  let timeSteps: Int
  let steps: Int
  /// How a device computed.
  let engine: String?
  /// Milliseconds of a step of each engine that was timed to choose one, now or in an earlier run.
  let engineMilliseconds: [String: Double]?
  let profile: [PhaseResult]?
  /// With `--profile`, of a processor.
  let products: ProductResult?
  /// Other libraries' times, measured in turns with these; with `--compare`.
  let peers: [PeerResult]?

  var line: String {
    name + String(repeating: " ", count: max(1, 14 - name.count))
      + [
        ("\(ranks)", 7), ("\(threads)", 8), (Formatting.fixed(milliseconds.median, 4), 13),
        (Formatting.fixed(milliseconds.min, 4), 13),
        (Formatting.fixed(samplesPerSecond, 0), 13), (Formatting.fixed(gflops, 1), 10),
      ].map { $0.leftPadded(to: $1) }.joined()
      + (efficiency.map { Formatting.percent($0).leftPadded(to: 11) } ?? "")
      + (engine.map { "  \($0)" } ?? "")
  }
}
