import Foundation
import TestSupport
import Testing

/// The page of the tests is true: what it names is there, and no promise is left out.
@Suite(.tags(.mpi)) struct PromiseTests {
  private static let tests = Command.repository.appendingPathComponent("Tests")
  private static let page = try? String(
    contentsOf: tests.appendingPathComponent("README.md"), encoding: .utf8)

  /// All of the tests' source.
  private static let source: String = {
    let files = FileManager.default.enumerator(at: tests, includingPropertiesForKeys: nil)
    let swift = (files?.compactMap { $0 as? URL } ?? []).filter { $0.pathExtension == "swift" }
    return swift.compactMap { try? String(contentsOf: $0, encoding: .utf8) }.joined(separator: "\n")
  }()

  @Test func everySuiteIsThere() throws {
    let named = Set(try #require(Self.page).matches(of: /`(\w+Tests)`/).map { String($0.1) })
    let there = Set(
      Self.source.matches(of: /\n(?:@Suite.*)?(?:final )?(?:struct|class) (\w+Tests)\b/).map { String($0.1) })
    #expect(named.count > 80)
    #expect(named.subtracting(there) == [], "named, but not there")
  }

  @Test func everyVariableIsRead() throws {
    for variable in Set(try #require(Self.page).matches(of: /RECUR_\w+/).map { String($0.0) }) {
      #expect(Self.source.contains("\"\(variable)\""), "\(variable)")
    }
  }

  /// A row begins with the promise's first words.
  @Test func everyPromiseOfTrainingHasARow() throws {
    let page = try String(
      contentsOf: Command.repository.appendingPathComponent("Sources/Checkpoints/README.md"), encoding: .utf8)
    let list = try #require(page.components(separatedBy: "What is promised:\n").last)
    let promises = try #require(list.components(separatedBy: "What is not promised:").first)
      .split(separator: "\n").filter { $0.hasPrefix("- ") }.map { $0.dropFirst(2) }
    #expect(promises.count > 10)
    let rows = try #require(Self.page).split(separator: "\n").filter { $0.hasPrefix("| ") }
      .map { $0.dropFirst(2).prefix { $0 != "|" }.trimmingCharacters(in: .whitespaces) }
    for promise in promises {
      #expect(rows.contains { $0.count > 12 && promise.hasPrefix($0) }, "\(promise)")
    }
  }
}
