import Collective
import Files
import Recur

/// The trials of a sweep under way.
struct SweepRun {
  private let recipePath: String
  private let plan: SweepPlan
  /// Of each trial; nil for one that can't be read, whose process says why.
  private let recipes: [Recipe?]
  /// Epochs after which the worse half is given up, and the last one; nil for the recipe's, without giving up.
  private var rungs: [Int?] = [nil]
  /// How many trials others were still training when there was nothing left to do here.
  private(set) var elsewhere = 0
  /// Of the trials that failed, the line that says why.
  private var failures: [Int: String] = [:]
  var threads: Int?
  var jobs: Int?
  var device = "auto"
  /// The machines of the trials; nil for this one.
  var hosts: TrialHosts?
  /// Which trials are this process's before others.
  var share = SweepShare()

  init(_ text: RecipeText, _ plan: SweepPlan, _ recipes: [Recipe?]) {
    (recipePath, self.plan, self.recipes) = (Paths.absolute(text.path), plan, recipes)
  }

  /// Trials at a time.
  var concurrency: Int { min(plan.trials.count, hosts?.slots.count ?? jobs ?? Machine.usableCores()) }

  /// Makes it a successive halving (Jamieson and Talwalkar 2016, with a factor of two and three rungs).
  /// - Throws: `usage` where the trials have numbers of epochs of their own.
  mutating func halve() throws(Failure) {
    let epochs = Set(recipes.compactMap { $0?.train.epochs })
    guard let last = epochs.first, epochs.count == 1 else {
      throw .usage("--halving decides how many epochs a trial gets; train.epochs can't be tried besides")
    }
    let all = [(last + 3) / 4, (last + 1) / 2, last]
    rungs = all.indices.filter { $0 == all.count - 1 || all[$0] < all[$0 + 1] }.map { all[$0] }
  }

  /// Trains what is not trained yet, and not under way in another process. Between rungs it waits for the others.
  /// - Returns: false where it was stopped.
  mutating func run(in folder: SweepFolder) throws -> Bool {
    var alive = Array(plan.trials.indices)
    for (number, rung) in rungs.enumerated() {
      let isLast = number + 1 == rungs.count
      let open = alive.filter { !isDone($0, rung, in: folder) }
      guard try train(open, rung, in: folder, done: alive.count - open.count, waits: !isLast) else {
        return false
      }
      failures = failures.filter { !isDone($0.key, rung, in: folder) }
      alive.removeAll { failures[$0] != nil }
      if let rung, !isLast { alive = betterHalf(of: alive, after: rung, in: folder) }
      elsewhere = isLast ? alive.count { !isDone($0, rung, in: folder) } : 0
    }
    return true
  }

  private mutating func train(
    _ trials: [Int], _ rung: Int?, in folder: SweepFolder, done: Int, waits: Bool
  ) throws -> Bool {
    guard !trials.isEmpty else { return true }
    let (run, plan) = (self, plan)
    let (program, total) = (Machine.executablePath() ?? CommandLine.arguments[0], done + trials.count)
    var failures: [Int: String] = [:]
    var claims: [Int: SweepFolder.Claim] = [:]
    var done = done
    var queue = TrialQueue(jobs: concurrency, waits: waits) { trial, slot, isAgain in
      if !isAgain {
        guard let claim = try folder.claim(plan.trials[trial]) else { return .elsewhere }
        // Another process may have brought it to its end before.
        if run.isDone(trial, rung, in: folder) {
          done += 1
          try claim.end()
          return .done
        }
        claims[trial] = claim
      }
      return try folder.withLogs(of: plan.trials[trial]) {
        .running(
          try ChildProcess(program, run.arguments(trial, rung, slot, in: folder), output: $0, errors: $1))
      }
    } ended: { trial, end in
      defer { try? claims.removeValue(forKey: trial)?.end() }
      done += 1
      let place = "\(plan.trials[trial].name), \(done) of \(total)"
      if end == .code(0) { return Console.note("recur: \(place): \(run.outcome(trial, in: folder))") }
      let line = end.isCode ? folder.failure(of: plan.trials[trial]) : nil
      failures[trial] = line ?? "its process \(end.words)"
      Console.note("recur: \(place): failed: \(failures[trial]!)")
    }
    let isWhole = try queue.run(share.ordered(trials))
    self.failures.merge(failures) { $1 }
    return isWhole
  }

  private func arguments(_ trial: Int, _ rung: Int?, _ slot: Int, in folder: SweepFolder) -> [String] {
    var settings = (plan.settings + plan.trials[trial].settings).map(\.text)
    if let rung, let last = rungs.last, let last {
      settings.append("train.epochs=\(rung)")
      // Its schedule is that of the whole length.
      if case .cosine(let cosine)? = recipes[trial]?.schedule.rule, cosine.tMax == nil {
        settings.append("schedule.t_max=\(last)")
      }
    }
    let threads = threads ?? (hosts == nil ? max(1, Machine.usableCores() / concurrency) : 1)
    return (hosts?.launch(at: slot, threads: threads) ?? []) + [
      "train", recipePath, "--out", folder.run(of: plan.trials[trial]), "--resume", "auto", "--json",
      "--solo",
      "--threads", "\(threads)", "--device", device,
    ] + settings.flatMap { ["--set", $0] }
  }

  /// Whether a trial needs no process to come to the end of a rung; it may have gone on from there.
  private func isDone(_ trial: Int, _ rung: Int?, in folder: SweepFolder) -> Bool {
    let path = folder.run(of: plan.trials[trial])
    guard RunDirectory.holdsRun(path), let log = try? RunLog(run: path) else { return false }
    if log.end?.status == .earlyStopped { return true }
    let epochs = rung ?? recipes[trial]?.train.epochs ?? .max
    if log.end?.status == .completed, log.epochs.last?.epoch ?? 0 >= epochs { return true }
    guard rung != nil, let last = log.epochs.last, last.epoch >= epochs else { return false }
    let step = (try? RunDirectory.checkpoint(at: path).file)?.state.step ?? 0
    return last.epoch > epochs || step > last.step
  }

  /// By the best value of the first epochs, which does not change when a trial goes on.
  private func betterHalf(of trials: [Int], after rung: Int, in folder: SweepFolder) -> [Int] {
    let values = trials.map { value(of: $0, after: rung, in: folder) }
    let increases = recipes.lazy.compactMap { $0?.checkpoint.choosingMetric }.first?.increases ?? false
    let order = trials.indices.sorted { a, b in
      guard let first = values[a] else { return values[b] == nil && a < b }
      guard let second = values[b], first != second else { return values[b] == nil || a < b }
      return increases ? first > second : first < second
    }
    return order.prefix((trials.count + 1) / 2).map { trials[$0] }.sorted()
  }

  private func value(of trial: Int, after rung: Int, in folder: SweepFolder) -> Double? {
    guard let log = try? RunLog(run: folder.run(of: plan.trials[trial])) else { return nil }
    let metrics = [recipes[trial]?.checkpoint.choosingMetric, MetricName(.train, .loss)].compactMap { $0 }
    for metric in metrics {
      if let best = log.best(by: metric, within: rung)?[metric] { return best }
    }
    return nil
  }
}

extension SweepRun {
  /// The trials that have begun, side by side.
  /// - named: the sweep's folder as it was typed.
  func comparison(in folder: SweepFolder, named path: String) throws -> RunComparison {
    var (summaries, tried): ([RunSummary], [[(key: Name, value: String)]]) = ([], [])
    for (number, trial) in plan.trials.enumerated() {
      let run = "\(path)/\(trial.name)"
      if let line = failures[number] {
        summaries.append(RunSummary(failed: run, recipe: recipes[number], because: line))
      } else if RunDirectory.holdsRun(run) {
        summaries.append(try RunSummary(run: run))
      } else {
        continue
      }
      tried.append(trial.pairs)
    }
    return RunComparison(summaries, tried: tried)
  }

  private func outcome(_ trial: Int, in folder: SweepFolder) -> String {
    guard let run = try? RunSummary(run: folder.run(of: plan.trials[trial])) else { return "done" }
    let comparison = RunComparison([run])
    let value =
      comparison.metric.value(of: run).map { "\(comparison.metric) \(Formatting.short($0)), " } ?? ""
    return value + plan.trials[trial].settings.map(\.text).joined(separator: " ")
  }
}

extension ChildProcess.ExitStatus {
  fileprivate var isCode: Bool { if case .code = self { true } else { false } }

  fileprivate var words: String {
    switch self {
    case .code(let code): "ended with exit code \(code)"
    case .signal(let signal): "was ended by signal \(signal)"
    }
  }
}
