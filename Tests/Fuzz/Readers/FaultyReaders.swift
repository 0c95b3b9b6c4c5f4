import Diagnostics

/// What each of these does wrong happens once an input has grown past 64 bytes, so that seeds pass.
protocol FaultyReader: FuzzedReader {
  func fail(_ bytes: [UInt8]) throws
}

extension FaultyReader {
  var seeds: [[UInt8]] {
    [Array("a seed of some bytes, of which some get lost and others are doubled".utf8.prefix(40))]
  }
  var words: [String] { ["a word"] }
  func read(_ bytes: [UInt8]) throws -> Int {
    if bytes.count > 64 { try fail(bytes) }
    return 0
  }
}

struct TrappingReader: FaultyReader {
  static let name = "faulty-trap"
  init(_ scratch: Scratch) throws {}
  func fail(_ bytes: [UInt8]) { _ = bytes[bytes.count + Int(bytes[0] / 255)] }
}

struct HangingReader: FaultyReader {
  static let name = "faulty-hang"
  init(_ scratch: Scratch) throws {}
  func fail(_ bytes: [UInt8]) { while choice(bytes, of: 7) >= 0 {} }
}

struct GreedyReader: FaultyReader {
  static let name = "faulty-memory"
  init(_ scratch: Scratch) throws {}
  func fail(_ bytes: [UInt8]) throws {
    let zeros = [UInt8](repeating: 0, count: Self.memory + bytes.count)
    try require(zeros.allSatisfy { $0 == 0 }, "zeros are not zero")
  }
}

struct LeakingReader: FaultyReader {
  static let name = "faulty-leak"
  init(_ scratch: Scratch) throws {}
  func read(_ bytes: [UInt8]) throws -> Int {
    UnsafeMutablePointer<UInt8>.allocate(capacity: 1024).initialize(to: 1)
    return 0
  }
  func fail(_ bytes: [UInt8]) {}
}

struct BlamelessReader: FaultyReader {
  static let name = "faulty-message"
  init(_ scratch: Scratch) throws {}
  func fail(_ bytes: [UInt8]) throws { throw Failure(.internalError, "not the input's fault") }
}
