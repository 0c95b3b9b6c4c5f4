import Diagnostics
import Foundation
import TestSupport
import Testing
import Training

/// Every way to damage a checkpoint of 64 KiB must be noticed, and the older checkpoint used.
@Suite(.tags(.fast)) struct CheckpointDamageTests {
  static let size = 65_536

  /// A directory with a small checkpoint of step 1, and one of exactly 64 KiB of step 2.
  private final class Damaged {
    let scratch = Scratch()
    let descriptor: Int32
    let head: Int
    private var checks = 15
    var path: String { scratch("step-00000002.safetensors") }

    init() throws {
      let path = scratch("step-00000002.safetensors")
      try CheckpointFile.write(
        sampleState(step: 1), SampleTensors(scale: 1).tensors, to: scratch("step-00000001.safetensors"))
      func write(_ count: Int) throws -> Int {
        let tensors = SampleTensors(scale: 1, count: count)
        tensors.add("fills", [2], 1)
        return try CheckpointFile.write(
          sampleState(step: 2), tensors.tensors, to: path)
      }
      let guess = try write(15_000)
      let bytes = try write(15_000 + (CheckpointDamageTests.size - guess) / 4)
      try #require(bytes == CheckpointDamageTests.size)
      let file = open(path, O_RDWR)
      var length: UInt64 = 0
      pread(file, &length, 8, 0)
      descriptor = file
      head = 8 + Int(length)
      #expect(try RunDirectory.checkpoint(at: scratch.path).file?.state.step == 2)
    }

    deinit { close(descriptor) }

    /// Whether the damage is refused with a message, and, asked now and then, whether step 1 is used.
    func isNoticed() -> Bool {
      checks += 1
      if checks % 16 != 0 {
        do throws(Failure) { _ = try CheckpointFile(reading: path) } catch {
          return error.kind == .badData && error.message.hasPrefix("\(path): ")
        }
        return false
      }
      guard let search = try? RunDirectory.checkpoint(at: scratch.path) else { return false }
      return search.file?.state.step == 1 && search.skipped.count == 1
        && search.skipped[0].path == path && !search.skipped[0].reason.isEmpty
    }

    /// Whether flipping a bit is noticed.
    func noticesFlip(byte: Int, bit: UInt8) -> Bool {
      var value: UInt8 = 0
      pread(descriptor, &value, 1, off_t(byte))
      var flipped = value ^ (1 << bit)
      pwrite(descriptor, &flipped, 1, off_t(byte))
      defer { pwrite(descriptor, &value, 1, off_t(byte)) }
      return isNoticed()
    }
  }

  @Test func cutShortAtEveryByte() throws {
    let damaged = try Damaged()
    var unnoticed: [Int] = []
    for length in (0..<Self.size).reversed() {
      ftruncate(damaged.descriptor, off_t(length))
      if !damaged.isNoticed() { unnoticed.append(length) }
    }
    #expect(unnoticed == [])
  }

  @Test func everyBitOfTheHeaderFlipped() throws {
    let damaged = try Damaged()
    var unnoticed: [Int] = []
    for byte in 0..<damaged.head {
      for bit in UInt8(0)..<8 where !damaged.noticesFlip(byte: byte, bit: bit) { unnoticed.append(byte) }
    }
    #expect(unnoticed == [])
    #expect(try RunDirectory.checkpoint(at: damaged.scratch.path).file?.state.step == 2)
  }

  @Test func bitsOfTensorsFlipped() throws {
    let damaged = try Damaged()
    var generator = SystemRandomNumberGenerator()
    var unnoticed: [Int] = []
    for _ in 0..<10_000 {
      let byte = Int.random(in: damaged.head..<Self.size, using: &generator)
      if !damaged.noticesFlip(byte: byte, bit: .random(in: 0..<8, using: &generator)) {
        unnoticed.append(byte)
      }
    }
    #expect(unnoticed == [])
  }

  @Test func bytesAppended() throws {
    let damaged = try Damaged()
    for extra in [1, 4, 4096] {
      ftruncate(damaged.descriptor, off_t(Self.size + extra))
      #expect(damaged.isNoticed())
    }
  }

  @Test func renamedToAnotherStep() throws {
    let damaged = try Damaged()
    rename(damaged.path, damaged.scratch("step-00000003.safetensors"))
    let search = try RunDirectory.checkpoint(at: damaged.scratch.path)
    #expect(search.file?.state.step == 1)
    #expect(search.skipped.map { $0.reason.contains("it holds step 2") } == [true])
  }
}
