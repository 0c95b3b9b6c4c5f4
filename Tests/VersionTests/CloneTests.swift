import Foundation
import TestSupport
import Testing
import Version

/// What a program knows of the clone that it was built in.
@Suite(.tags(.fast)) struct CloneTests {
  private let root = FileManager.default.temporaryDirectory.appendingPathComponent(
    "clone-\(UUID().uuidString)")

  private func log(_ lines: [String], at place: String = ".git") throws -> URL {
    let folder = root.appendingPathComponent("\(place)/logs")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let text = lines.map { $0 + "\n" }.joined()
    try text.write(to: folder.appendingPathComponent("HEAD"), atomically: true, encoding: .utf8)
    return root
  }

  private func line(_ digit: Character, _ seconds: Int) -> String {
    "\(String(repeating: "0", count: 40)) \(String(repeating: digit, count: 40)) A B 7 <a@b> \(seconds) +0100\tcommit: 9 9"
  }

  /// The commit that HEAD was at, whatever came later.
  @Test func aProgramIsOfTheCommitBeforeIt() throws {
    defer { try? FileManager.default.removeItem(at: root) }
    let path = try log([line("a", 100), line("b", 200), line("c", 300)]).path
    for (built, commit) in [(99, nil), (100, "a"), (250, "b"), (300, "c"), (1000, "c")] as [(Int, Character?)]
    {
      let expected = commit.map { String(repeating: $0, count: 12) }
      #expect(Clone(root: path, built: built).commit == expected, "\(built)")
    }
  }

  @Test func aWorktreeHasAFolderElsewhere() throws {
    defer { try? FileManager.default.removeItem(at: root) }
    _ = try log([line("d", 100)], at: "of-the-other/worktrees/w")
    try "gitdir: of-the-other/worktrees/w\n".write(
      to: root.appendingPathComponent(".git"), atomically: true, encoding: .utf8)
    #expect(Clone(root: root.path, built: 100).commit == "dddddddddddd")
  }

  @Test(arguments: ["", "nothing", "0 1 2 3", "a b <c> 100 +0000\tx", "\u{0}\u{1} <> 5 5"])
  func whatIsNoLogNamesNoCommit(_ text: String) throws {
    defer { try? FileManager.default.removeItem(at: root) }
    #expect(Clone(root: try log([text]).path, built: 1000).commit == nil)
    #expect(Clone(root: root.path + "/nowhere", built: 1000).commit == nil)
  }
}
