import Combinations
import Diagnostics
import Foundation
import TestSupport
import Testing
import Training

/// Random recipes, each trained in every way that must give the same.
@Suite(.tags(.mpi, .long), .serialized) struct CombinationTests {
  private static let count = ProcessInfo.processInfo.environment["RECUR_COMBINATIONS"]

  private func combinations(_ arguments: String...) throws -> Outcome {
    try run(built("recur-combinations"), arguments, limit: Self.count == nil ? 600 : .infinity)
  }

  /// RECUR_COMBINATIONS asks for more, and for other ones each time.
  @Test func everyWayGivesTheSame() throws {
    let seed = Int.random(in: 0...1 << 30)
    let outcome = try combinations("--seed", "\(seed)", "--count", Self.count ?? "\(Combination.block)")
    #expect(
      outcome.status == 0, "seed \(seed): \(outcome.output.suffix(3000)) \(outcome.errors.suffix(1000))")
    #expect(outcome.output.contains("no faults"))
  }

  /// The harness itself: a difference made in one way is found by the check that looks at it.
  @Test(arguments: CombinationCheck.Plant.allCases) func aPlantedDifferenceIsFound(
    plant: CombinationCheck.Plant
  ) throws {
    let outcome = try combinations(
      "--seed", "3", "--count", "6", "--program", plant == .program ? "1" : "0", "--mpirun", "0", "--plant",
      plant.rawValue)
    #expect(outcome.status == 1, "\(outcome.output) \(outcome.errors)")
    #expect(
      outcome.output.contains("FAULT\n  \(plant == .log ? "threads" : plant.rawValue): "), "\(outcome.output)"
    )
    #expect(outcome.output.contains("again with: recur-combinations --seed 3 --only "))
  }

  @Test func oneSeedGivesTheSameCombinations() {
    let all = Combination.planned(seed: 5, from: 40, count: 40)
    #expect(all.map(\.number) == Array(40..<80))
    #expect(Combination.planned(seed: 5, from: 79, count: 1)[0].recipe == all[39].recipe)
    #expect(Combination.planned(seed: 6, from: 79, count: 1)[0].recipe != all[39].recipe)
  }

  /// Every declared key is to be tried, those of other kinds of section too; a word that is tried is one that its key may be.
  @Test func everyKeyOfARecipeIsTried() {
    let declared = Set(RecipeReference.entries.filter { !$0.isSection }.map(\.path))
    #expect(declared.count > 90)
    for path in declared {
      #expect(Coverage.required.contains { $0 == path || $0.hasPrefix("\(path) ") }, "\(path)")
    }
    for path in Coverage.choices {
      let words = Set(RecipeReference.entries.filter { $0.path == path }.flatMap(\.choices))
      let tried = Coverage.required.filter { $0.hasPrefix("\(path) ") }.map {
        String($0.dropFirst(path.count + 1))
      }
      #expect(words.isEmpty || words.isSuperset(of: tried), "\(path): \(tried)")
    }
  }

  @Test func aDifferenceNamesItsPlace() {
    let (a, b): (JSONValue, JSONValue) = (
      .object(["x": .array([.integer(1), .number(0.5)])]),
      .object(["x": .array([.integer(1), .number(0.25)])])
    )
    #expect(Comparison.difference(a, a) == nil)
    #expect(Comparison.difference(a, b)?.hasPrefix("x[1]: ") == true)
    #expect(Comparison.difference(a, .object([:])) == "x is in one of them only")
    #expect(Comparison.difference(.array([.null]), .array([])) == " has 1 and 0 items")
  }
}
