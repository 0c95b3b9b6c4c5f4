import Collective
import Recur

/// What steps of a recipe take on other numbers of machines.
struct ScalingPrediction {
  let steps: StepMeasurement
  let network: NetworkCost
  /// Seconds for a byte copied.
  let memory: Double
  let ranksPerMachine: Int
  /// nil where the recipe's batch is shared out.
  let samplesPerRank: Int?

  /// One number of machines.
  struct Case: Encodable {
    let hosts: Int
    let ranks: Int
    /// Of the rank with the most.
    let samplesPerRank: Int
    /// Of the step, and of what a rank computes in it.
    let stepMilliseconds: Double
    let computeMilliseconds: Double
    let sumMilliseconds: Double
    let samplesPerSecond: Double
    /// Of one rank's samples a second, on each.
    let efficiency: Double
    /// That leave a machine in a step.
    let bytesPerHost: Double
    let memoryPerHost: Double
    let sum: String
    let isOverlapped: Bool
  }

  /// The largest part of a batch.
  private func part(_ ranks: Int) -> Int {
    samplesPerRank ?? equalPart(0, of: steps.batch, among: ranks).count
  }

  /// - group: whose ranks measure at the same time.
  func cases(_ hosts: [Int], _ group: any Communicator) throws -> [Case] {
    // From small to large parts: what a process has needed at most is then that of the part before.
    var measured: [Int: (seconds: Double, bytes: Double)] = [:]
    for part in Set(hosts.map { part($0 * ranksPerMachine) } + [part(1)]).sorted() {
      try group.barrier()
      measured[part] = (try group.mean(steps.seconds(samples: part)), try group.mean(Self.peakBytes))
    }
    let alone = Double(part(1)) / measured[part(1)]!.seconds
    return hosts.map { hosts in
      let ranks = hosts * ranksPerMachine
      let (compute, bytes) = measured[part(ranks)]!
      let cost = StepCost(
        compute: compute, buckets: steps.buckets, machines: hosts, ranksPerMachine: ranksPerMachine,
        network: network, memory: memory)
      let batch = samplesPerRank.map { $0 * ranks } ?? steps.batch
      let rate = Double(batch) / cost.seconds
      return Case(
        hosts: hosts, ranks: ranks, samplesPerRank: part(ranks), stepMilliseconds: 1000 * cost.seconds,
        computeMilliseconds: 1000 * compute, sumMilliseconds: 1000 * cost.sum.seconds, samplesPerSecond: rate,
        efficiency: rate / (Double(ranks) * alone), bytesPerHost: cost.sum.bytesPerMachine,
        memoryPerHost: Double(ranksPerMachine) * bytes, sum: cost.sum.way.rawValue,
        isOverlapped: cost.isOverlapped)
    }
  }

  /// The most memory that this process has had.
  private static var peakBytes: Double {
    // "VmHWM:\t  123456 kB"
    let line = Machine.lines("/proc/self/status").first { $0.utf8.starts(with: "VmHWM:".utf8) }
    let digits = line?.utf8.filter { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) } ?? []
    return 1024 * (Double(String(decoding: digits, as: UTF8.self)) ?? .nan)
  }
}

struct ScalingReport: CommandReport {
  struct NetworkSpeed: Encodable {
    let isMeasured: Bool
    let latencyMicroseconds: Double
    let gbitPerSecond: Double
    let congestion: Double
  }

  var command = "predict-scaling"
  let recipe: String
  let parameters: Int
  let batch: Int
  let network: NetworkSpeed
  let cases: [ScalingPrediction.Case]
  /// What the model leaves out.
  let notes: [String]

  init(
    _ recipe: Recipe, _ prediction: ScalingPrediction, _ hosts: [Int], measured: Bool,
    _ group: any Communicator
  ) throws {
    self.recipe = recipe.name
    parameters = prediction.steps.parameters
    batch = prediction.steps.batch
    let cost = prediction.network
    network = NetworkSpeed(
      isMeasured: measured, latencyMicroseconds: 1e6 * cost.latency,
      gbitPerSecond: 8e-9 / cost.secondsPerByte,
      congestion: cost.congestion)
    cases = try prediction.cases(hosts, group)
    notes = Self.notes(recipe, cases, measured: measured)
  }

  private static func notes(_ recipe: Recipe, _ cases: [ScalingPrediction.Case], measured: Bool) -> [String] {
    var notes: [String] = []
    if !measured {
      notes.append(
        "steps were measured on one rank alone: ranks that share a machine's memory may be slower; --measure under a launch tells"
      )
    }
    if recipe.distributed.reduction == .strict || recipe.distributed.compress != .none
      || recipe.distributed.optimizerSharding
    {
      notes.append(
        "the sums are those of a plain fast run: distributed.reduction, compress and optimizer_sharding are not in the model"
      )
    }
    if cases.contains(where: { $0.samplesPerRank == 1 && $0.ranks > 1 }) {
      notes.append(
        "where a rank has one sample of a batch, more ranks have none: make train.batch_size larger, or give --samples-per-rank"
      )
    }
    return notes
  }

  var lines: [String] {
    var table = TextTable()
    table.header = [
      "hosts", "ranks", "samples/rank", "step ms", "compute ms", "sum ms", "samples/s", "efficiency",
      "sent/host",
      "memory/host", "sum",
    ]
    table.rows = cases.map {
      [
        "\($0.hosts)", "\($0.ranks)", "\($0.samplesPerRank)", Formatting.short($0.stepMilliseconds),
        Formatting.short($0.computeMilliseconds), Formatting.short($0.sumMilliseconds),
        Formatting.rate($0.samplesPerSecond), Formatting.percent($0.efficiency),
        Formatting.bytes($0.bytesPerHost),
        Formatting.bytes($0.memoryPerHost), "\($0.sum), \($0.isOverlapped ? "beside" : "after") backward",
      ]
    }
    let source = network.isMeasured ? "measured" : "given"
    let head =
      "\(recipe): \(Formatting.grouped(parameters)) parameters, batches of \(batch); network (\(source)): "
      + "\(Formatting.short(network.gbitPerSecond)) Gbit/s, \(Formatting.short(network.latencyMicroseconds)) us, congestion \(Formatting.fixed(network.congestion, 2))"
    return [head] + table.lines + notes
  }
}
