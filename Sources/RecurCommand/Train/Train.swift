import ArgumentParser
import Collective
import Files
import Kernels
import Recur

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

struct Train: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Trains the network of a recipe and saves checkpoints.",
    discussion: """
      Runs alone or under mpirun: it sees how it was started. Ctrl-C (or SIGTERM, SIGHUP, SIGUSR1) finishes the step,
      saves, and ends with exit code 75; --resume auto goes on from there. A second Ctrl-C ends at once: what the
      last checkpoint holds is kept.
      """)

  @Argument(help: "The recipe, a YAML file.") var recipe: String
  @OptionGroup var settings: SettingOptions
  @Option(help: "Where the run is kept (default: runs/NAME-TIME in the current folder).") var out: String?
  @Option(
    help: ArgumentHelp(
      "Where to start: auto (the newest checkpoint in --out), never, or a file.", valueName: "auto|never|file"
    ))
  var resume = "never"
  @Option(help: "Write what each rank did when to this file, for chrome://tracing or ui.perfetto.dev.")
  var trace: String?
  @Option(
    help: ArgumentHelp(
      "Write what TensorBoard shows to this folder: metrics, histograms, pictures, the recipe's keys.",
      valueName: "folder"))
  var tensorboard: String?
  @Flag(help: "Replace the run that --out holds.") var overwrite = false
  @Option(
    help: ArgumentHelp(
      "Train once for each of so many seeds (1, 2, …), or for these, each into a folder of --out: seed-1 and so on. Runs that are there are gone on with, finished ones taken as they are; at the end stand mean and standard deviation.",
      valueName: "n|list"))
  var seeds: SeedList?
  @OptionGroup var weights: WeightOptions
  @OptionGroup var group: GroupOptions
  @OptionGroup var parallel: ThreadOptions
  @OptionGroup var device: DeviceOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    guard !(overwrite && resume != "never") else {
      throw ValidationError("--overwrite and --resume contradict each other; give one of them")
    }
    guard resume != "auto" || out != nil else {
      throw ValidationError("--resume auto needs --out, the run to go on with")
    }
    if seeds != nil {
      guard out != nil else { throw ValidationError("--seeds needs --out, the folder for its runs") }
      guard ["auto", "never"].contains(resume), trace == nil, tensorboard == nil else {
        throw ValidationError(
          "--seeds makes several runs: --trace, --tensorboard and --resume FILE are for one (--set train.tensorboard=true for each)"
        )
      }
    }
  }

  func run() throws {
    // A device that isn't there is told before anything of the recipe.
    StopSignals.listen()
    let text = RecipeReading(recipe)
    let processor = try device.processor {
      (try? Recipe(text.get(), overrides: overrides))?.precision ?? .fp32
    }
    _ = try KernelSet.fromEnvironment()
    let communicator = try group.communicator()
    StopSignals.joined(communicator)
    let console = try Console(
      json: output.json, silent: communicator.rank != 0, sharingOutputWith: trace)
    do {
      let recipe = try Recipe(text.get(), overrides: overrides)
      if let trace, communicator.rank == 0 {
        if let out, RunFiles.owns(trace, in: out) {
          throw Failure.usage("--trace \(trace) is a place of the run's own files; choose another")
        }
        try OutputFile.check(trace, option: "--trace", of: .trace, notOver: inputs(recipe))
      }
      let watchdog = try Watchdog(
        communicator, .init(stallTimeout: .seconds(recipe.distributed.stallTimeout)))
      let report: any CommandReport =
        try seeds == nil
        ? train(recipe, communicator, console, processor)
        : trainSeeds(recipe, communicator, console, processor)
      // Before the ranks part: the first that ends with an exit code may take the others with it.
      try console.finish(report)
      try watchdog.finish()
      if report.exitCode != 0 { throw ExitCode(report.exitCode) }
    } catch  where communicator.size > 1 && !(error is ExitCode) {
      // The other ranks may wait for this one: end them all. Rank 0 goes first, so that a shared reason is told once.
      if communicator.rank != 0 { Self.wait(.seconds(2)) }
      let kind = (error as? Failure)?.kind ?? .internalError
      try communicator.abort(reason: "\(error)", code: kind.rawValue)
    }
  }

  private var overrides: [String] { settings.settings + weights.overrides }

  /// Through signals: whoever ends this rank meanwhile sends one first.
  private static func wait(_ time: Duration) {
    let end = ContinuousClock.now + time
    while ContinuousClock.now < end { usleep(20_000) }
  }

  /// The files that the run reads and writes besides the trace.
  private func inputs(_ recipe: Recipe) -> [String] {
    let checkpoint = ["auto", "never"].contains(resume) ? [] : [resume]
    let weights = recipe.train.initFrom.map { [$0] } ?? []
    return [self.recipe] + recipe.data.files + checkpoint + weights + (out.map(RunFiles.all) ?? [])
  }

  private func train(
    _ recipe: Recipe, _ communicator: any Communicator, _ console: Console, _ processor: Processor
  ) throws -> TrainingReport {
    let data = try load(recipe, communicator)
    return try train(recipe, data, options, communicator, console, processor)
  }

  func load(_ recipe: Recipe, _ communicator: any Communicator) throws -> LoadedData {
    communicator.progress?.enter(.loading, step: 0)
    try communicator.requireSameStart(recipe)
    return try LoadedData(recipe.data, peers: communicator.loadingPeers)
  }

  func train(
    _ recipe: Recipe, _ data: LoadedData, _ options: TrainingOptions, _ communicator: any Communicator,
    _ console: Console, _ processor: Processor
  ) throws -> TrainingReport {
    let display = TrainDisplay(recipe: recipe, console: console)
    StopSignals.beginning()
    let trainer = try Trainer(
      recipe: recipe, data: data, options: options, communicator: communicator, observer: display,
      processor: processor)
    let report = try StopSignals.stopping(trainer) { try trainer.run() }
    try display.finish(report)
    return report
  }

  var options: TrainingOptions {
    var options = TrainingOptions()
    options.outputDirectory = out
    options.overwrite = overwrite
    options.tracePath = trace
    options.tensorboardPath = tensorboard
    options.threads = parallel.threads
    switch resume {
    case "auto": options.resume = .auto
    case "never": options.resume = .never
    default: options.resume = .file(resume)
    }
    return options
  }
}

/// The recipe's text, read when it is first asked for and once: it may come from standard input.
private final class RecipeReading {
  private let path: String
  private lazy var result = Result { () throws(Failure) in
    // Several ranks would each get a part of a stream.
    let launcher = try Launcher.detect(processEnvironment())
    return try RecipeText(path, allowsStream: launcher == nil || launcher?.size == 1)
  }

  init(_ path: String) { self.path = path }

  func get() throws -> RecipeText { try result.get() }
}

extension TrainingReport: CommandReport {
  var exitCode: Int32 { status == .interrupted ? Failure.Kind.retry.rawValue : 0 }
}
