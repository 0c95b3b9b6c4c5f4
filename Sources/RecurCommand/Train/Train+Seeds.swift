import Recur

extension Train {
  /// One run after the other, by all ranks, on data that are read once: no seed decides about them. A request to stop reaches the
  /// ranks with the sums of a step; one that comes between two runs stops the next after its first.
  func trainSeeds(
    _ recipe: Recipe, _ communicator: any Communicator, _ console: Console, _ processor: Processor
  ) throws -> SeedsReport {
    let (seeds, folder) = (seeds?.seeds ?? [], out ?? "")
    guard !RunDirectory.holdsRun(folder) else {
      throw Failure.usage("\(folder) holds a run itself; --seeds makes its runs in folders of another --out")
    }
    let data = try load(recipe, communicator)
    var runs: [TrainingReport] = []
    for (place, seed) in seeds.enumerated() where runs.last?.status != .interrupted {
      var (recipe, options) = (recipe, options)
      recipe.seed = seed
      options.outputDirectory = "\(folder)/seed-\(seed)"
      if !overwrite { options.resume = .auto }
      if place > 0 { try console.say() }
      try console.say("seed \(seed), \(place + 1) of \(seeds.count)")
      runs.append(try train(recipe, data, options, communicator, console, processor))
    }
    let report = SeedsReport(recipe, seeds, runs)
    if !report.lines.isEmpty { try console.say() }
    for line in report.lines { try console.say(line) }
    if report.status == .interrupted {
      try console.say("go on with: the same command" + (overwrite ? ", without --overwrite" : ""))
    }
    return report
  }
}
