import ArgumentParser
import CUDA
import Kernels
import Recur

struct Bench: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Times training steps: forward, loss, backward and Adam on random data.",
    discussion: """
      Under recur launch or mpirun every rank has a batch of its own, and the gradients are summed over all ranks:
      recur launch -n 2 -- bench mid-lstm
      Cases: \(BenchCase.all.map(\.name).joined(separator: ", ")); all of them where none is named.
      CELL-HIDDEN-STEPS-BATCH is a case as well, such as lstm-650-35-20: two layers, as many inputs as units.
      """)

  @Argument(help: "Which cases to run.") var cases: [String] = []
  @Flag(help: "Run shapes that fit nothing evenly: odd widths, batches of 1 and 7, 1 and 500 steps.")
  var odd =
    false
  @Option(help: "Threads that share a step.") var threads = 1
  @Option(help: ArgumentHelp("What computes.", valueName: "cpu|cuda")) var device = DeviceOptions.Device.cpu
  @Option(
    help: ArgumentHelp(
      "What the factors of matrix products are rounded to: fp32 for a processor and tf32 for a GPU if not given.",
      valueName: "fp32|tf32|bf16"))
  var precision: DeviceOptions.Factors?
  @Option(
    help: ArgumentHelp(
      "How a GPU computes a step; the one that takes the least time if not given.",
      valueName: Engine.allCases.map(\.rawValue).joined(separator: "|")))
  var engine: Engine?
  @Flag(help: "Measure each case with every engine of the GPU that can compute it.") var engines = false
  @Option(
    help: ArgumentHelp(
      "How gradients are added: strict cuts the batch into lanes, for the same bits on any number of ranks.",
      valueName: "fast|strict"))
  var reduction = DistributedSpecification.Reduction.fast
  @Option(help: "Lanes of all ranks with --reduction strict.") var lanes = 8
  @Option(help: "How long to measure each case, in seconds.") var seconds = 2.0
  @Flag(help: "Also print what each part of a step takes, and the core's multiply-add peak.") var profile =
    false
  @OptionGroup var network: BenchOptions
  @OptionGroup var ranks: GroupOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    guard (1...4096).contains(threads) else { throw ValidationError("--threads must be 1 to 4096") }
    guard device == .cpu || reduction == .fast else {
      throw ValidationError("--reduction strict is for --device cpu")
    }
    guard (1...1024).contains(lanes) else { throw ValidationError("--lanes must be 1 to 1024") }
    guard device != .cpu || precision != .tf32 else {
      throw ValidationError("--precision tf32 is for --device cuda; a processor has fp32 and bf16")
    }
    guard !engines || device == .cuda && engine == nil else {
      throw ValidationError("--engines is for --device cuda without --engine")
    }
    guard device != .cpu || engine == nil else { throw ValidationError("--engine is for --device cuda") }
    guard device == .cpu || !profile else { throw ValidationError("--profile is for --device cpu") }
    guard seconds > 0 && seconds <= 86400 else {
      throw ValidationError("--seconds must be above 0, at most 86400")
    }
  }

  func run() throws {
    let group = try ranks.communicator()
    let console = Console(json: output.json, silent: group.rank != 0)
    let report = try measure(group, console)
    try group.finish()
    try console.finish(report)
  }

  private func measure(_ group: any Communicator, _ console: Console) throws -> BenchReport {
    let named = try cases.map(BenchCase.named) + (odd ? BenchCase.odd : [])
    let all = BenchCase.all.filter { reduction == .fast || $0.lengths == nil }
    let chosen = try (named.isEmpty ? all : named).map(network.applied)
    let executor = try DeviceOptions(device, precision).executor()
    if let executor { try console.say("on \(executor.name), \((precision ?? .tf32).rawValue)") }
    try console.say(
      "case            ranks threads    median ms       min ms    samples/s   GFLOP/s"
        + (group.isSolo ? "" : " efficiency"))
    if reduction == .strict { try requireLanes(chosen, group) }
    let kernels = try KernelSet.fromEnvironment(precision == .bf16 ? .bf16 : .fp32)
    let runs = chosen.flatMap { benchCase in engines(benchCase, executor).map { (benchCase, $0) } }
    let results = try runs.map { benchCase, engine in
      let timer = try StepTimer(
        benchCase, kernels, threads: threads, group, executor: executor, engine: engine,
        strictLanes: reduction == .strict ? lanes : nil)
      let result = try timer.measure(seconds: seconds, profiled: profile)
      try console.say(result.line)
      for note in timer.products?.notes ?? [] { try console.say("  \(note)") }
      if timer.sumEngine != .own { try console.say("  gradients are summed by \(timer.sumEngine.words)") }
      for phase in result.profile ?? [] { try console.say(phase.line) }
      for line in result.products?.lines ?? [] { try console.say(line) }
      return result
    }
    let peak = profile ? StepProfile.peakGflops(kernels) : nil
    if let peak {
      try console.say(
        "multiply-add peak of one core: \(Formatting.fixed(peak, 1)) GFLOP/s (\(kernels.name))"
      )
    }
    return BenchReport(
      reduction: reduction, device: executor?.name ?? "cpu", kernels: executor == nil ? kernels.name : nil,
      cases: results, peakGflops: peak)
  }
}

extension Bench {
  /// Those to measure a case with; nil is the one that takes the least time, or the processor.
  private func engines(_ benchCase: BenchCase, _ executor: (any Executor)?) -> [Engine?] {
    guard engines, let executor else { return [engine] }
    return Engine.able(DeviceSteps.plan(benchCase, executor))
  }

  /// A run with other cases computes each lane by itself, which is not what is timed here.
  private func requireLanes(_ chosen: [BenchCase], _ group: any Communicator) throws {
    if let other = chosen.first(where: { $0.lengths != nil }) {
      throw Failure.usage(
        "--reduction strict: the sequences of \(other.name) differ in length; name other cases")
    }
    guard lanes >= group.size else {
      throw Failure.usage("--lanes \(lanes): \(group.size) ranks need \(group.size) lanes or more")
    }
  }
}

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

struct BenchResult: Encodable {
  struct Milliseconds: Encodable {
    let median: Double
    let min: Double
  }
  let name: String
  let ranks: Int
  /// Of each rank.
  let threads: Int
  /// Of one step.
  let milliseconds: Milliseconds
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
