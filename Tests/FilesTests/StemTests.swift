import Files
import Foundation
import TestSupport
import Testing

@Suite(.tags(.fast)) struct StemTests {
  @Test(arguments: ["a/b.yaml", "b", "/x/b.tar.gz", ".hidden", "a/.hidden.yaml", "b.", "ä.b/c.yaml", "a b.c"])
  func aNameWithoutItsExtensionIsFoundations(_ path: String) {
    #expect(Paths.stem(of: path) == URL(fileURLWithPath: path).deletingPathExtension().lastPathComponent)
  }
}
