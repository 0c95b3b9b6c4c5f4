import Collective
import Diagnostics
import Foundation
import Training

/// A run from its beginning to its end through faults, restarts and other numbers of ranks: all of it follows from one seed.
package final class Schedule {
  package let seed: UInt64
  /// What must hold and did not.
  package private(set) var violations: [Violation] = []
  /// What happened, for a person.
  package private(set) var story: [String] = []
  /// Of all attempts: the same seed gives the same.
  package private(set) var trace: UInt64 = 0
  private let world: Simulator
  private let plant: Plant?
  private let folder: String
  private var dice: Dice

  /// Attempts with faults; after that nothing happens any more.
  private static let most = 6

  /// - plant: a fault of the program, made on purpose.
  package init(_ simulator: Simulator, seed: UInt64, plant: Plant? = nil) {
    (world, self.seed, self.plant) = (simulator, seed, plant)
    folder = "\(simulator.folder)/run-\(seed)"
    dice = Dice(seed: seed)
  }

  package func run() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let recipe = try world.recipe(dice.number(0...SimulatedRecipe.count - 1))
    story.append("recipe \(recipe.number)")
    var last: [Int] = []
    for number in 0...Self.most {
      let ranks = dice.number(recipe.ranks)
      let hosts = hosts(ranks)
      let count = number == Self.most ? 0 : dice.pick([0, 1, 1, 1, 2, 2, 3])
      let faults = Fault.draw(&dice, count: count, ranks: ranks, length: world.length(of: recipe))
      let attempt = SimulatedAttempt(
        recipe, in: folder, hosts: hosts, faults: faults, seed: dice.next(), plant: plant)
      defer { attempt.world.close() }
      let code = attempt.run(resumes: number > 0)
      trace = trace &* 31 &+ attempt.trace
      let what = faults.map(\.description).joined(separator: "; ")
      story.append(
        "attempt \(number) on hosts \(hosts): \(what.isEmpty ? "nothing happens" : what); code \(code)")
      violations += attempt.world.violations
      if let newest = attempt.saved.max() { last.append(newest) }
      plantDamage()
      checkCheckpoints(atLeast: last.max())
      if !violations.isEmpty { return }
      if code == 0 { return try checkResult(attempt, recipe) }
      // A person who asked for the end starts it again; what ended it otherwise must be worth it.
      if Supervisor.verdict(code, stopping: false) == .final {
        return violations.append(.init(check: .decisions, detail: "ended for good with \(code)"))
      }
    }
    violations.append(.init(check: .waits, detail: "the run has no end, though nothing happened any more"))
  }

  private var hasRun: Bool { FileManager.default.fileExists(atPath: folder + "/recipe.yaml") }

  /// Consecutive ranks on one to three hosts.
  private func hosts(_ ranks: Int) -> [Int] {
    let count = dice.number(1...min(3, ranks))
    return (0..<ranks).map { $0 * count / ranks }
  }

  private func plantDamage() {
    guard plant == .checkpoints, let file = try? RunDirectory.checkpoint(at: folder).file,
      let contents = FileManager.default.contents(atPath: file.path)
    else { return }
    _ = FileManager.default.createFile(atPath: file.path, contents: contents.prefix(contents.count / 2))
  }

  private func checkCheckpoints(atLeast step: Int?) {
    guard hasRun else {
      if let step {
        violations.append(
          .init(check: .checkpoints, detail: "step \(step) was saved, and the run is not there"))
      }
      return
    }
    do {
      let found = try RunDirectory.checkpoint(at: folder)
      if let bad = found.skipped.first {
        violations.append(.init(check: .checkpoints, detail: "\(bad.path): \(bad.reason)"))
      }
      if let step, found.file.map({ $0.state.step < step }) ?? true {
        violations.append(
          .init(
            check: .checkpoints,
            detail:
              "step \(step) was saved, and the newest is \(found.file.map { "\($0.state.step)" } ?? "none")"))
      }
    } catch {
      if let step {
        violations.append(.init(check: .checkpoints, detail: "step \(step) was saved: \(error)"))
      }
    }
  }

  private func checkResult(_ attempt: SimulatedAttempt, _ recipe: SimulatedRecipe) throws {
    guard let report = attempt.report else {
      return violations.append(.init(check: .decisions, detail: "the job ended well without a report"))
    }
    let (result, expected) = (try RunResult(report), try world.result(of: recipe))
    if result != expected {
      violations.append(.init(check: .bits, detail: "\(result), and undisturbed \(expected)"))
    }
  }
}

/// What many schedules have in common: recipes, their data, and what they come to where nothing happens. One in a process at a time.
package final class Simulator {
  let folder: String
  private var recipes: [Int: SimulatedRecipe] = [:]
  private var results: [Int: (RunResult, length: UInt64)] = [:]

  package init() throws {
    let memory = "/dev/shm"
    let parent = access(memory, W_OK) == 0 ? memory : NSTemporaryDirectory()
    folder = "\(parent)/recur-simulation-\(getpid())-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: folder) }

  func recipe(_ number: Int) throws -> SimulatedRecipe {
    if let known = recipes[number] { return known }
    let recipe = try SimulatedRecipe(number, in: folder)
    recipes[number] = recipe
    _ = try undisturbed(recipe)
    return recipe
  }

  func result(of recipe: SimulatedRecipe) throws -> RunResult { try undisturbed(recipe).0 }
  func length(of recipe: SimulatedRecipe) -> UInt64 { results[recipe.number]?.length ?? 0 }

  private func undisturbed(_ recipe: SimulatedRecipe) throws -> (RunResult, length: UInt64) {
    if let known = results[recipe.number] { return known }
    let folder = "\(folder)/undisturbed-\(recipe.number)"
    let attempt = SimulatedAttempt(
      recipe, in: folder, hosts: Array(repeating: 0, count: recipe.ranks.lowerBound), faults: [], seed: 1,
      plant: nil)
    defer { attempt.world.close() }
    let code = attempt.run(resumes: false)
    guard code == 0, let report = attempt.report, attempt.world.violations.isEmpty else {
      throw Failure(
        .internalError, "undisturbed, recipe \(recipe.number) ends with \(code): \(attempt.world.violations)")
    }
    let result = (try RunResult(report), length: attempt.world.scheduler.now)
    results[recipe.number] = result
    return result
  }
}
