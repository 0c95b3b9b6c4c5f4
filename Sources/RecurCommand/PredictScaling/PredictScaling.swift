import ArgumentParser
import Collective
import Files
import Recur

struct PredictScaling: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "predict-scaling",
    abstract:
      "Predicts what a recipe's steps take on many machines, from steps on this one and a network's speed.",
    discussion: """
      Example:   recur predict-scaling recipe.yaml --hosts 2,8,64 --ranks-per-host 8 --network 10Gbit,50us
      Or from the machines there are:
                 recur launch --hostfile hosts -- predict-scaling recipe.yaml --hosts 2,8,64 --measure
      Steps are measured with the part of a batch that a rank would have; the sum of gradients is computed from the messages it
      would send. Efficiency is what one rank's samples a second would become on each of them.
      """)

  @Argument(help: "The recipe, a YAML file.") var recipe: String
  @Option(help: ArgumentHelp("How many machines: numbers with commas between.", valueName: "list")) var hosts:
    CountList
  @Option(help: "Ranks of each machine (default: 1, with --measure those there are).") var ranksPerHost: Int?
  @Option(
    help: ArgumentHelp(
      "Rate and latency of each machine's link, such as 10Gbit,50us.", valueName: "rate,latency"))
  var network: String?
  @Flag(help: "Measure the network between the machines of this launch, and steps on all its ranks at once.")
  var measure = false
  @Option(
    help:
      "Samples of a batch on each rank: the batch grows with the ranks (default: the recipe's batch is shared out)."
  )
  var samplesPerRank: Int?
  @OptionGroup var settings: SettingOptions
  @OptionGroup var parallel: ThreadOptions
  @OptionGroup var group: GroupOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    guard measure != (network != nil) else {
      throw ValidationError("give --network RATE,LATENCY, or --measure under mpirun: one of them")
    }
    guard 1...4096 ~= ranksPerHost ?? 1 else { throw ValidationError("--ranks-per-host must be 1 to 4096") }
    guard 1...1 << 20 ~= samplesPerRank ?? 1 else {
      throw ValidationError("--samples-per-rank must be 1 to 1048576")
    }
  }

  func run() throws {
    let given = try network.map { try NetworkCost($0) }
    let group = try group.communicator()
    let console = Console(json: output.json, silent: group.rank != 0)
    let launch = try measure ? Self.launch(group) : nil
    guard measure || group.isSolo else {
      throw Failure.usage(
        "predict-scaling --network runs as one process; give --measure to measure the machines of a launch")
    }
    let text = try RecipeText(recipe, allowsStream: group.isSolo)
    let recipe = try Recipe(text, overrides: settings.settings)
    try group.requireSameStart(recipe)
    let steps = try StepMeasurement(
      recipe, recipe.loadData(), threads: parallel.threads ?? (measure ? group.coresPerRank : 1))
    let memory = try MemoryCost.secondsPerByte(group)
    let measured = try launch.map { try NetworkMeasurement($0.group, memory: memory) }
    let ranks = ranksPerHost ?? launch?.ranksPerMachine ?? 1
    let prediction = ScalingPrediction(
      steps: steps, network: measured?.cost ?? given!, memory: memory, ranksPerMachine: ranks,
      samplesPerRank: samplesPerRank)
    let report = try ScalingReport(recipe, prediction, hosts.counts, measured: measured != nil, group)
    for line in report.lines { try console.say(line) }
    try group.finish()
    try console.finish(report)
  }

  /// The machines that ranks were started on.
  private static func launch(_ group: any Communicator) throws -> (group: MPI, ranksPerMachine: Int) {
    let mpi = group as? MPI
    let placement = try mpi?.placement()
    guard let mpi, let placement, placement.machines.count > 1 else {
      throw Failure.usage(
        "--measure needs ranks on two machines or more: start it with recur launch --hostfile FILE -- predict-scaling …, or give --network"
      )
    }
    let machines = placement.machines
    guard machines.allSatisfy({ $0.count == machines[0].count }) else {
      throw Failure.usage("--measure needs as many ranks on each machine; there are \(placement.words)")
    }
    return (mpi, machines[0].count)
  }
}

/// "2,8,64".
struct CountList: ExpressibleByArgument {
  let counts: [Int]

  init?(argument: String) {
    let parts = argument.utf8.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
    counts = parts.compactMap { Int(String(Substring($0))) }
    guard counts.count == parts.count, counts.allSatisfy({ 1...100_000 ~= $0 }) else { return nil }
  }
}
