import ArgumentParser
import Collective
import Files
import Recur

struct Sweep: ReportingCommand {
  static let configuration = CommandConfiguration(
    abstract: "Trains a recipe with many settings, several at a time, and puts the outcomes side by side.",
    discussion: """
      Example:   recur sweep recipe.yaml --grid optimizer.lr=1e-3,3e-3 model.cell=lstm,gru --out sweeps/first
                 recur sweep recipe.yaml --random optimizer.lr=log:1e-4..1e-1 model.hidden_size=log:16..512 --trials 20 \
      --out sweeps/second
      Each trial is a run in a folder of --out; plan.json there has their settings, which depend on the command line and \
      --seed alone. The same command goes on where it was stopped or killed. A trial that fails is a row with its reason. \
      Ctrl-C lets the trials under way save and end, exit code 75. With --hostfile trials run on several machines; with --shared, \
      or as tasks of a Slurm array (sbatch --array=1-8), several processes work on the sweep, and one that is lost costs nothing.
      """)

  @Argument(help: "The recipe, a YAML file.") var recipe: String
  @OptionGroup var settings: SettingOptions
  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp(
      "Try each of these values, with each of those of the other keys.", valueName: "key=a,b,c"),
    completion: .custom { _, _, text in RecipeReference.completions(of: text) })
  var grid: [String] = []
  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp(
      "Draw a value: one of a list, or a number of a range, a whole one where both ends are written so; log: makes each order of magnitude as likely as the next.",
      valueName: "key=[log:]low..high|key=a,b"),
    completion: .custom { _, _, text in RecipeReference.completions(of: text) })
  var random: [String] = []
  @Option(help: "How often to draw, for each combination of the grid.") var trials: Int?
  @Option(help: "The folder of the sweep, which is made.") var out: String
  @Option(help: "Trials at a time (default: as many as there are cores); they share the cores.") var jobs:
    Int?
  @Option(help: "Decides what is drawn.") var seed: UInt64 = 0
  @Flag(
    help:
      "Successive halving: all trials for a quarter of the epochs, the better half on to a half of them, the better half of these to the end."
  )
  var halving = false
  @Option(help: ArgumentHelp("What computes each trial, see train.", valueName: "auto|cpu|cuda"))
  var device = DeviceOptions.Device.auto
  @OptionGroup var places: SweepHosts
  @OptionGroup var parallel: ThreadOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    guard !grid.isEmpty || !random.isEmpty else {
      throw ValidationError("say what to try: --grid KEY=A,B or --random KEY=LOW..HIGH --trials N")
    }
    guard random.isEmpty == (trials == nil) else {
      throw ValidationError(
        random.isEmpty ? "--trials is for --random; a grid tries all" : "--random needs --trials, how often")
    }
    guard (1...SweepPlan.most).contains(trials ?? 1) else {
      throw ValidationError("--trials goes from 1 to \(SweepPlan.most)")
    }
    guard (1...4096).contains(jobs ?? 1) else { throw ValidationError("--jobs goes from 1 to 4096") }
    guard jobs == nil || places.hostfile == nil else {
      throw ValidationError("--jobs is for one machine; of a --hostfile the slots say how many")
    }
  }

  func execute(_ console: Console) throws -> SweepReport {
    if let launcher = try Launcher.detect(processEnvironment()),
      launcher.size.map({ $0 > 1 }) ?? ((launcher.rank ?? 0) > 0)
    {
      throw Failure.usage("sweep starts its trials itself; run it without mpirun, as one process")
    }
    let text = try RecipeText(recipe)
    let plan = try plan(of: text)
    var sweep = SweepRun(text, plan, try recipes(text, plan))
    sweep.threads = parallel.threads
    sweep.jobs = jobs
    sweep.device = device.rawValue
    sweep.hosts = try places.hosts()
    let share = try SweepShare.ofSlurmArray()
    sweep.share = share ?? SweepShare()
    if halving { try sweep.halve() }
    let folder = try SweepFolder(out, plan: plan, isShared: places.shared || share != nil)
    Console.note("recur: \(plan.trials.count) trials in \(folder.path), \(sweep.concurrency) at a time")
    let isWhole = try sweep.run(in: folder)
    let place = "\(folder.path)/\(SweepPicture.name)"
    let (comparison, isDrawn) = try folder.writeTable {
      let comparison = try sweep.comparison(in: folder, named: out)
      let picture = SweepPicture(comparison: comparison, keys: plan.trials.first?.pairs.map(\.key) ?? [])
      return (ComparisonTable(comparison).csv, (comparison, try picture.draw(to: place)))
    }
    comparison.noteTrainingLoss(unless: false)
    for line in ComparisonTable(comparison).lines { try console.say(line) }
    if sweep.elsewhere > 0 {
      try console.say(
        "\(sweep.elsewhere) more are trained by other processes; the last of them writes the table again")
    }
    if !isWhole { try console.say("go on with: the same command") }
    try folder.close()
    return SweepReport(
      folder: folder.path, isWhole: isWhole, table: folder.table,
      picture: isDrawn ? place : nil, planned: plan.trials.count, elsewhere: sweep.elsewhere,
      comparison)
  }

  private func plan(of text: RecipeText) throws -> SweepPlan {
    try SweepPlan(
      recipe: text, settings: settings.settings,
      grid: grid.map { try SearchAxis($0, option: "--grid", isDrawn: false) },
      random: random.map { try SearchAxis($0, option: "--random", isDrawn: true) }, draws: trials ?? 1,
      seed: seed, halving: halving)
  }

  /// The recipe of each trial. Where none can be read, the first says why; where some can't, they are rows.
  private func recipes(_ text: RecipeText, _ plan: SweepPlan) throws -> [Recipe?] {
    let results = plan.trials.map { trial in
      Result { try Recipe(text, overrides: (plan.settings + trial.settings).map(\.text)) }
    }
    let recipes = results.map { try? $0.get() }
    if recipes.allSatisfy({ $0 == nil }) { _ = try results[0].get() }
    return recipes
  }
}

struct SweepReport: CommandReport {
  var command = "sweep"
  let folder: String
  let status: TrainingReport.Status
  let table: String
  /// nil where nothing was drawn.
  let picture: String?
  /// How many there are to be; `runs` has those that have begun.
  let trials: Int
  let failed: Int
  /// How many other processes were training when this one had nothing left to do.
  let elsewhere: Int
  let by: String
  let higherIsBetter: Bool
  /// The best first.
  let runs: [ComparisonReport.ComparedRun]

  /// Where not one trial could be trained, it is for the reason of their data or recipes.
  var exitCode: Int32 {
    if status == .interrupted { return Failure.Kind.retry.rawValue }
    return failed == trials ? Failure.Kind.badData.rawValue : 0
  }

  init(
    folder: String, isWhole: Bool, table: String, picture: String?, planned: Int, elsewhere: Int,
    _ comparison: RunComparison
  ) {
    let report = ComparisonReport(comparison)
    (self.folder, self.table, self.picture) = (folder, table, picture)
    (trials, runs) = (planned, report.runs)
    self.elsewhere = elsewhere
    (by, higherIsBetter) = (report.by, report.higherIsBetter)
    status = isWhole ? .completed : .interrupted
    failed = runs.count { $0.status == .failed }
  }
}
