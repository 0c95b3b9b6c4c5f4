import ArgumentParser
import Recur

/// `--seeds`: which seeds a recipe is trained with, one run each.
struct SeedList: ExpressibleByArgument {
  let seeds: [UInt64]

  /// So many, from 1 on (`5`), or these (`1,2,7`); nil for anything else, and for a seed that stands twice.
  init?(argument: String) {
    let words = argument.utf8.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
    let numbers = words.compactMap { UInt64(Substring($0)) }
    guard numbers.count == words.count, Set(numbers).count == numbers.count,
      numbers.allSatisfy({ $0 <= UInt64(Int.max) })
    else { return nil }
    if numbers.count > 1 {
      seeds = numbers
    } else {
      guard (1...1000).contains(numbers[0]) else { return nil }
      seeds = Array(1...numbers[0])
    }
  }
}

/// What `train --seeds` has come to.
struct SeedsReport: CommandReport {
  var command = "train"
  let status: TrainingReport.Status
  let recipe: String
  let seeds: [UInt64]
  /// Over the runs that have ended.
  let metrics: [MetricSpread]
  /// One a seed, in their order; of the last one, what was done until it was stopped.
  let runs: [TrainingReport]

  var exitCode: Int32 { status == .interrupted ? Failure.Kind.retry.rawValue : 0 }

  init(_ recipe: Recipe, _ seeds: [UInt64], _ runs: [TrainingReport]) {
    self.recipe = recipe.name
    self.seeds = Array(seeds.prefix(runs.count))
    self.runs = runs
    status = runs.last?.status == .interrupted ? .interrupted : .completed
    metrics = MetricSpread.all(of: runs.filter { $0.status != .interrupted })
  }

  /// Mean, standard deviation, and the values of a few seeds.
  var lines: [String] {
    let shown = metrics.first.map { min($0.values.count, 8) } ?? 0
    let table = TextTable(
      header: ["", "mean", "± sd"] + seeds.prefix(shown).map { "seed \($0)" },
      rows: metrics.map { metric in
        [metric.name.text, Formatting.short(metric.mean)]
          + [metric.standardDeviation.map(Formatting.short) ?? Formatting.none]
          + metric.values.prefix(shown).map(Formatting.short)
      })
    return metrics.isEmpty ? [] : table.lines
  }
}
