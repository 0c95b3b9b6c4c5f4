import Files
import Foundation
import TestSupport
import Testing

@Suite(.tags(.fast)) struct PathTests {
  @Test func relativePathsStartAtTheBase() {
    #expect(Paths.absolute("a.csv", from: "/x") == "/x/a.csv")
    #expect(Paths.absolute("../a/./b//c", from: "/x/y") == "/x/a/b/c")
    #expect(Paths.absolute("/a/../b", from: "/x") == "/b")
    #expect(Paths.absolute("é/n", from: "/") == "/é/n")
  }

  @Test func theParentOfALinkedFolderIsItsOwn() throws {
    let folder = try TemporaryFolder()
    for name in ["a", "b", "b/c"] { #expect(mkdir("\(folder.path)/\(name)", 0o700) == 0) }
    #expect(symlink("../b/c", folder.path + "/a/link") == 0)
    for name in ["a/data", "b/data"] {
      #expect(FileManager.default.createFile(atPath: "\(folder.path)/\(name)", contents: Data()))
    }
    let path = Paths.absolute("a/link/../data", from: folder.path)
    #expect(FileIdentity(path) == FileIdentity(folder.path + "/b/data"))
    #expect(Paths.absolute("b/c/../data", from: folder.path) == folder.path + "/b/data")
  }
}
