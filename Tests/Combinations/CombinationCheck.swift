import Diagnostics
import Foundation
import Training

/// Trains one combination in every way that must give the same, uses what came out, and keeps what was wrong.
public final class CombinationCheck {
  public struct Fault: Sendable {
    /// What was checked.
    public let check: String
    public let detail: String
  }

  /// A difference made on purpose, in what one of the checks looks at: it shows that this check can fail.
  public enum Plant: String, CaseIterable, Sendable {
    case threads, resume, branch, ranks, again
    case log, evaluate, predict, export, refusal, program
  }

  let combination: Combination
  let folder: String
  let plant: Plant?
  var dice: Dice
  /// The steps of the whole run.
  var stepCount = 0
  public private(set) var faults: [Fault] = []
  /// What was compared, how often.
  public private(set) var checks: [String: Int] = [:]
  /// Whether the loss grew beyond all numbers, and training was given up as it must.
  public private(set) var diverged = false

  /// - folder: exists and is empty.
  public init(_ combination: Combination, folder: String, plant: Plant? = nil) throws {
    (self.combination, self.folder, self.plant) = (combination, folder, plant)
    dice = Dice(combination.seed, combination.number, -1)
    try DataFiles(combination.kind, combination.recipe, dice).write(to: folder)
    let weights = try Data(WeightsFile(combination.recipe).bytes)
    try weights.write(to: URL(fileURLWithPath: "\(folder)/\(WeightsFile.name)"))
    try combination.recipe.json.write(toFile: recipePath, atomically: false, encoding: .utf8)
  }

  var recipePath: String { "\(folder)/recipe.yaml" }

  func fault(_ check: String, _ detail: String) { faults.append(Fault(check: check, detail: detail)) }

  /// One check; an error is a fault of what is checked.
  func check(_ name: String, _ body: () throws -> String?) {
    checks[name, default: 0] += 1
    do {
      if let detail = try body() { fault(name, detail) }
    } catch {
      fault(name, "\(error)")
    }
  }

  /// - program: the program, where it is to do the same too, which takes far longer.
  /// - mpirun: whether it is also to train by processes under mpirun.
  public func run(program: String?, mpirun: Bool) {
    check("written recipe") {
      let recipe = try Recipe(contentsOf: recipePath)
      let again = try Recipe(yaml: recipe.effectiveYAML, path: "again", baseDirectory: "/")
      var named = again
      named.name = recipe.name
      return named == recipe ? nil : "the effective recipe reads back as another one"
    }
    if let whole = trainWhole() {
      let many = compareWays(whole)
      use(whole)
      if let program {
        runProgram(program, whole)
        if mpirun, let many { runRanks(program, many) }
      }
    }
    refuse(program)
  }

  private func trainWhole() -> FinishedRun? {
    var whole: FinishedRun?
    check("train") {
      do { whole = try train(Way(name: "whole")) } catch let failure as Failure {
        guard failure.kind == .badData, failure.message.contains("not finite") else { throw failure }
        diverged = true
      }
      return nil
    }
    guard let whole else { return nil }
    stepCount = whole.report.steps
    check("finite numbers") {
      let places =
        Comparison.notFinite(whole.comparable, at: "report")
        + Comparison.notFinite(whole.log, at: "metrics.jsonl")
      // A small part may have nothing but the class that is ignored.
      let mayBeEmpty = combination.recipe["loss.ignore_index"] != nil
      let wrong = places.filter { !mayBeEmpty || !$0.contains(".validation.") && !$0.contains(".test.") }
      return wrong.isEmpty || whole.report.skippedSteps > 0 ? nil : "no number at \(wrong.prefix(5))"
    }
    return whole
  }
}

// MARK: - ways

extension CombinationCheck {
  private var isStrict: Bool { combination.recipe["distributed.reduction"] == "strict" }

  /// - Returns: the run of three ranks.
  private func compareWays(_ whole: FinishedRun) -> FinishedRun? {
    compare(Way(name: "threads", threads: dice.pick([2, 3])), whole)
    // With the recipe's own cadence of checkpoints.
    compare(Way(name: "cadence", savesAlways: false), whole)
    let steps = savedSteps
    if steps.count > 1 {
      check("resume") {
        try continueFrom(steps[dice.below(steps.count - 1)], of: steps)
        return difference(try train(Way(name: "resume", resume: .auto)), whole)
      }
      let file = "\(folder)/whole/checkpoints/\(CatalogueEntry.name(of: steps[dice.below(steps.count - 1)]))"
      // A checkpoint of one rank goes on under two.
      compare(
        Way(name: "branch", ranks: isStrict ? 2 : 1, threads: 1, resume: .file(file)), whole, withLog: false)
    }
    return isStrict ? compare(Way(name: "ranks", ranks: 3), whole) : compareFast(whole)
  }

  @discardableResult
  func compare(_ way: Way, _ whole: FinishedRun, withLog: Bool = true) -> FinishedRun? {
    var run: FinishedRun?
    check(way.name) {
      let trained = try train(way)
      run = trained
      return difference(trained, whole, withLog: withLog)
    }
    return run
  }

  func difference(_ run: FinishedRun, _ whole: FinishedRun, withLog: Bool = true) -> String? {
    let ignored: Set = withLog && run.comparable["best_checkpoint"] != nil ? [] : ["best_checkpoint"]
    let expected = Comparison.comparable(whole.comparable, ignoring: ignored)
    let found = Comparison.comparable(run.comparable, ignoring: ignored)
    var log = run.log
    if plant == .log, case .array(let lines) = log { log = .array(lines.dropLast()) }
    return Comparison.difference(expected, found, at: "report")
      ?? Comparison.difference(whole.tensors, run.tensors, at: "checkpoint")
      ?? (withLog ? Comparison.difference(whole.log, log, at: "metrics.jsonl") : nil)
  }

  private var savedSteps: [Int] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "\(folder)/whole/checkpoints")) ?? []
    return names.compactMap { CatalogueEntry.step(in: $0) }.sorted()
  }

  /// A copy of the whole run, as it was left when this step was its newest checkpoint.
  private func continueFrom(_ step: Int, of steps: [Int]) throws {
    try FileManager.default.copyItem(atPath: "\(folder)/whole", toPath: "\(folder)/resume")
    for later in steps where later > step {
      try FileManager.default.removeItem(
        atPath: "\(folder)/resume/checkpoints/\(CatalogueEntry.name(of: later))")
    }
  }
}
