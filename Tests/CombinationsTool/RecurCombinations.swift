import ArgumentParser
import Combinations
import Foundation
import TestSupport

/// Trains random recipes in every way that must give the same.
@main struct RecurCombinations: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "recur-combinations",
    abstract: "Trains random recipes in every way that must give the same, and tells what differs.",
    discussion: """
      Each combination of data, network, options, loss, optimizer and schedule is trained plainly, with more threads, with \
      its own cadence of checkpoints, resumed twice, and on three ranks; measured, predicted, exported; and spoilt by a \
      mistake, which must be refused. One seed and number give the same combination. Sixty of them try every key.
      """)

  @Option(help: "Which combinations.") var seed = 1
  @Option(help: "How many.") var count = Combination.block
  @Option(help: "The first one.") var start = 0
  @Option(help: "This one alone.") var only: Int?
  @Option(help: "Of how many combinations one is also given to the program; 0 for none.") var program = 5
  @Option(help: "Of how many combinations one is also trained by processes under mpirun; 0 for none.")
  var mpirun = 15
  @Option(help: "Keep the files of faulty combinations in this folder.") var keep: String?
  @Option(help: "Make this difference on purpose, to see it found.") var plant: CombinationCheck.Plant?

  func validate() throws {
    guard count > 0, start >= 0, program >= 0, mpirun >= 0 else {
      throw ValidationError("counts are from 1 on")
    }
  }

  func run() throws {
    let planned = Combination.planned(seed: seed, from: only ?? start, count: only == nil ? count : 1)
    var tally = Tally()
    for combination in planned {
      // What traps or hangs ends here, after the number of the combination.
      Self.say(
        "\(combination.number) \(combination.kind.rawValue), \(combination.recipe["model.cell"]?.text ?? "") "
      )
      alarm(240)
      let faults = try check(combination, &tally)
      Self.say(faults.isEmpty ? "\n" : "FAULT\n")
      for fault in faults {
        Self.say("  \(fault.check): \(fault.detail)\n")
      }
      if !faults.isEmpty {
        Self.say("  again with: recur-combinations --seed \(seed) --only \(combination.number)\n")
      }
    }
    alarm(0)
    try tally.finish(isWhole: only == nil && start % Combination.block == 0 && count >= Combination.block)
  }

  private func check(_ combination: Combination, _ tally: inout Tally) throws -> [CombinationCheck.Fault] {
    let folder = Scratch(keep.map { "\($0)/\(seed)-\(combination.number)" })
    let check = try CombinationCheck(combination, folder: folder.path, plant: plant)
    func isDue(_ every: Int) -> Bool { every > 0 && (only != nil || combination.number % every == 0) }
    check.run(
      program: isDue(program) ? built("recur") : nil, mpirun: isDue(mpirun) && find("mpirun") != nil)
    if check.faults.isEmpty { folder.remove() }
    tally.add(combination, check)
    return check.faults
  }

  private static func say(_ text: String) { FileHandle.standardOutput.write(Data(text.utf8)) }
}

extension CombinationCheck.Plant: ExpressibleByArgument {}

/// What was done so far.
private struct Tally {
  private var coverage = Coverage()
  private var checks: [String: Int] = [:]
  private var (combinations, diverged, faulty) = (0, 0, 0)

  mutating func add(_ combination: Combination, _ check: CombinationCheck) {
    combinations += 1
    checks.merge(check.checks, uniquingKeysWith: +)
    if check.diverged { diverged += 1 } else { coverage.add(combination) }
    if !check.faults.isEmpty { faulty += 1 }
  }

  /// - isWhole: whether everything must have been tried.
  func finish(isWhole: Bool) throws {
    let counts = checks.sorted { $0.key < $1.key }.map { "\($1) \($0)" }.joined(separator: ", ")
    print(
      "\(combinations) combinations, \(diverged) diverged, \(checks.values.reduce(0, +)) checks: \(counts)")
    let required = Coverage.required.count
    print("\(required - coverage.missing.count) of \(required) features tried")
    if isWhole, !coverage.missing.isEmpty {
      print("never tried: \(coverage.missing.joined(separator: ", "))")
    }
    print(faulty == 0 ? "no faults" : "\(faulty) combinations with faults")
    if faulty > 0 || isWhole && !coverage.missing.isEmpty { throw ExitCode.failure }
  }
}

/// A folder in memory, where the system has such a place.
private struct Scratch {
  let path: String

  init(_ kept: String?) {
    let memory = "/dev/shm"
    let parent = access(memory, W_OK) == 0 ? memory : NSTemporaryDirectory()
    path = kept ?? "\(parent)/recur-combinations-\(getpid())-\(UUID().uuidString)"
    try? FileManager.default.removeItem(atPath: path)
    try? FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  func remove() { try? FileManager.default.removeItem(atPath: path) }
}
