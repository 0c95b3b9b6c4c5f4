import ArgumentParser
import CUDA
import Kernels
import Recur

struct Bench: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract:
      "Times training steps (forward, loss, backward and Adam), or what a trained network gives, on random data.",
    discussion: """
      Under recur launch or mpirun every rank has a batch of its own, and the gradients are summed over all ranks:
      recur launch -n 2 -- bench mid-lstm
      Beside other libraries, in turns on the same cores, with how many times as long they take:
      recur bench --compare torch,jax --python ENVIRONMENT/bin/python
      recur bench --inference --compare torch,onnx --python ENVIRONMENT/bin/python
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
  @Flag(
    help:
      "Time what a trained network gives instead: a whole batch, one sample, and one step of one sequence with its state carried on."
  )
  var inference = false
  @OptionGroup var peers: PeerOptions
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
    guard !inference || device == .cpu && reduction == .fast && !profile else {
      throw ValidationError("--inference is for --device cpu and --reduction fast, without --profile")
    }
    try validatePeers()
  }

  private func validatePeers() throws {
    guard !peers.libraries.isEmpty else { return }
    guard device == .cpu && reduction == .fast && precision != .bf16 && !profile && network.isPlain else {
      throw ValidationError(
        "--compare is for plain cells on --device cpu in fp32, without --reduction strict and --profile")
    }
    guard inference || !peers.libraries.contains(.onnx) else {
      throw ValidationError("--compare onnx belongs to --inference: ONNX Runtime does not train")
    }
  }

  func run() throws {
    let group = try ranks.communicator()
    let console = Console(json: output.json, silent: group.rank != 0)
    guard group.isSolo || !inference && peers.libraries.isEmpty else {
      throw Failure.usage("bench --inference and --compare are for one process; run them without a launcher")
    }
    // Others begin their threads in the same place.
    if !peers.libraries.isEmpty { Machine.keepProcessors(threads) }
    if inference { return try console.finish(infer(console)) }
    let report = try measure(group, console)
    try group.finish()
    try console.finish(report)
  }

  private func chosenCases() throws -> [BenchCase] {
    let named = try cases.map(BenchCase.named) + (odd ? BenchCase.odd : [])
    let all = BenchCase.all.filter { reduction == .fast || $0.lengths == nil }
    return try (named.isEmpty ? all : named).map(network.applied)
  }

  private func infer(_ console: Console) throws -> InferenceReport {
    let kernels = try KernelSet.fromEnvironment(precision == .bf16 ? .bf16 : .fp32)
    try console.say(InferenceResult.header)
    let results = try chosenCases().flatMap { benchCase in
      try BenchTask.inference.compactMap { task -> InferenceResult? in
        guard let timer = try InferenceTimer(benchCase, task, kernels, threads: threads) else { return nil }
        let result = try timer.measure(seconds: seconds, peers)
        try console.say(result.line)
        for peer in result.peers ?? [] { try console.say(peer.line) }
        return result
      }
    }
    return InferenceReport(kernels: kernels.name, cases: results)
  }

  private func measure(_ group: any Communicator, _ console: Console) throws -> BenchReport {
    let chosen = try chosenCases()
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
      let result = try timer.measure(seconds: seconds, profiled: profile, peers)
      try console.say(result.line)
      for note in timer.products?.notes ?? [] { try console.say("  \(note)") }
      for peer in result.peers ?? [] { try console.say(peer.line) }
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
