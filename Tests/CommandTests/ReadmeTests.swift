import Foundation
import Testing

func sine(_ x: Float) -> Float { sin(x) }

@Suite struct ReadmeTests {
  private func text(_ path: String) throws -> String {
    try String(contentsOf: Command.repository.appendingPathComponent(path), encoding: .utf8)
  }

  /// What stands between two lines.
  private func part(of text: String, from start: String, to end: String) throws -> String {
    let begin = try #require(text.range(of: start + "\n"))
    let stop = try #require(text.range(of: "\n" + end, range: begin.upperBound..<text.endIndex))
    return String(text[begin.upperBound..<stop.lowerBound])
  }

  @Test func theLibraryExampleIsTheOneThatCompiles() throws {
    let shown = try part(of: text("README.md"), from: "```swift", to: "```")
    let compiled = try part(
      of: text("Tests/CommandTests/LibraryExample.swift"), from: "// example begins", to: "// example ends")
    #expect(shown == compiled)
  }

  @Test func theLibraryExampleLearns() throws {
    let first = try learnWave(steps: 1)
    let last = try learnWave(steps: 300)
    #expect(first > 0.1)
    #expect(last < 0.005)
  }

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
