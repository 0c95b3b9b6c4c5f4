import Foundation
import TestSupport
import Testing

@Suite(.tags(.mpi)) struct ReadmeTests {
  @Test func everyRecipeIsWellFormed() throws {
    let folder = Command.repository.appendingPathComponent("launch/recipes")
    let recipes = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter {
      $0.hasSuffix(".yaml")
    }
    #expect(recipes.count >= 9)
    for recipe in recipes {
      let outcome = try Command.run("inspect", "launch/recipes/\(recipe)", "--json")
      // 66: data that is not bundled.
      #expect(outcome.status == 0 || outcome.status == 66, "\(recipe): \(outcome.err)")
    }
  }
}
