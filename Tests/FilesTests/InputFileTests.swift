import Diagnostics
import Files
import Foundation
import TestSupport
import Testing

@Suite(.tags(.fast)) struct InputFileTests {
  private func bytes(_ file: InputFile) -> [UInt8] { file.withBytes { Array($0) } }

  private func failure(_ body: () throws -> Void) -> Failure? {
    do { try body() } catch { return error as? Failure }
    return nil
  }

  @Test func aFileIsHeldWithItsPadding() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("a", "hello".utf8)
    let file = try InputFile(path: path, key: "k")
    #expect(bytes(file) == Array("hello".utf8) && file.size == 5 && file.reachesEnd)
    #expect(file.padded.suffix(InputFile.padding).allSatisfy { $0 == 10 })
    let part = try InputFile(path: path, key: "k") { 1..<$0 - 1 }
    #expect(bytes(part) == Array("ell".utf8) && part.size == 5 && !part.reachesEnd)
  }

  @Test func membersOfGzipStandOneBehindTheOther() throws {
    let folder = try TemporaryFolder()
    let (a, b) = (Array("first\n".utf8), [UInt8](repeating: 7, count: 300_000))
    let packed = ArrayFiles.gzip(a) + ArrayFiles.gzip([]) + ArrayFiles.gzip(b)
    let path = try folder.write("a.gz", packed)
    #expect(bytes(try InputFile(path: path, key: "k")) == a + b)
    let padded = try folder.write("p.gz", packed + [UInt8](repeating: 0, count: 200_000))
    #expect(bytes(try InputFile(path: padded, key: "k")) == a + b)
    #expect(bytes(try InputFile(path: path, key: "k", unpacks: false)) == packed)
  }

  /// Cut at each byte, each byte changed: one line that names the file, or the very same bytes.
  @Test func damagedGzipIsRefused() throws {
    let folder = try TemporaryFolder()
    let text = Array("some text that is worth packing, worth packing".utf8)
    let packed = ArrayFiles.gzip(text) + ArrayFiles.gzip(text)
    for count in 2..<packed.count where count != packed.count / 2 {
      let path = try folder.write("cut\(count)", packed.prefix(count))
      let failure = failure { _ = try InputFile(path: path, key: "k") }
      #expect(failure?.kind == .badData && failure?.message.contains(path) == true, "\(count)")
    }
    let garbage = try folder.write("garbage", packed + [0, 0, 1])
    #expect(failure { _ = try InputFile(path: garbage, key: "k") }?.kind == .badData)
    for i in 2..<packed.count {
      var damaged = packed
      damaged[i] ^= 0x10
      let path = try folder.write("damaged\(i)", damaged)
      guard let file = try? InputFile(path: path, key: "k") else { continue }
      // Time, system and flags of a header are not covered by any sum.
      #expect(bytes(file) == text + text, "byte \(i)")
    }
  }

  @Test func whatUnpacksToMoreThanItMayIsRefused() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("bomb.gz", ArrayFiles.gzip([UInt8](repeating: 0, count: 5_000_000)))
    let failure = failure { _ = try InputFile(path: path, key: "k", limit: 1 << 20) }
    #expect(failure?.kind == .badData && failure?.message.contains("1048576") == true)
  }

  @Test func aByteOrderMarkIsNoText() throws {
    let file = InputFile(path: "f", bytes: [0xEF, 0xBB, 0xBF] + Array("a\n".utf8))
    #expect(try file.text() == "a\n")
    let wide = InputFile(path: "f", bytes: [0xFF, 0xFE, 97, 0])
    #expect(failure { _ = try wide.text() }?.message == "f: is UTF-16; save it as UTF-8")
    #expect(try InputFile(path: "f", bytes: [0xEF, 0xBB]).textStart() == 0)
  }

  @Test func foldersDevicesAndSocketsAreRefused() throws {
    let folder = try TemporaryFolder()
    for path in [folder.path, "/dev/zero", "/dev/null", folder.path + "/none"] {
      let failure = failure { _ = try InputFile(path: path, key: "data.path", allowsStream: true) }
      #expect(failure?.kind == .missingInput, "\(path): \(String(describing: failure))")
      #expect(failure?.message.contains("data.path") == true && failure?.message.contains(path) == true)
    }
  }

  @Test func aFileOfNoKnownSizeIsRead() throws {
    #expect(bytes(try InputFile(path: "/proc/self/status", key: "k")).starts(with: "Name:".utf8))
  }

  @Test func aFIFOIsReadOnceWhereThatWillDo() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/fifo"
    #expect(mkfifo(path, 0o600) == 0)
    let refused = failure { _ = try InputFile(path: path, key: "k") }
    #expect(refused?.kind == .missingInput && refused?.message.contains("regular file") == true)
    let alone = failure { _ = try InputFile(path: path, key: "k", allowsStream: true) }
    #expect(alone?.kind == .missingInput && alone?.message.contains("nobody writes") == true)
    let text = [UInt8](repeating: 65, count: 200_000)
    for packed in [text, ArrayFiles.gzip(text)] {
      Thread.detachNewThread {
        let file = open(path, O_WRONLY)
        packed.withUnsafeBytes { bytes in
          _ = write(file, bytes.baseAddress!, 1)
          // The reader waits for a writer that takes its time.
          usleep(100_000)
          _ = write(file, bytes.baseAddress! + 1, bytes.count - 1)
        }
        close(file)
      }
      #expect(bytes(try InputFile(path: path, key: "k", allowsStream: true)) == text)
    }
  }
}
