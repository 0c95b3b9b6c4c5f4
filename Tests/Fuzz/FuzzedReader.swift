/// A reader of outside bytes, with what is needed to mislead it.
protocol FuzzedReader {
  static var name: String { get }
  /// Bytes that reading may take on top of what the program holds. Inputs have at most `Mutator.longest` bytes.
  static var memory: Int { get }
  init(_ scratch: Scratch) throws
  /// Small inputs; all but a few must be accepted.
  var seeds: [[UInt8]] { get }
  /// What means something to the reader.
  var words: [String] { get }
  /// Reads, and uses what was read. Throws a `Failure` where the bytes are refused, `Broken` where they are accepted
  /// but something does not hold that must.
  /// - Returns: what tells this input from others: those that give something new are changed further.
  func read(_ bytes: [UInt8]) throws -> Int
}

extension FuzzedReader {
  static var memory: Int { 64 << 20 }
}

/// A promise of a reader that does not hold.
struct Broken: Error {
  let what: String
  init(_ what: String) { self.what = what }
}

func require(_ condition: Bool, _ what: @autoclosure () -> String) throws {
  if !condition { throw Broken(what()) }
}

/// A number from the bytes alone, so that an input chooses the same way of reading it every time.
func choice(_ bytes: [UInt8], of count: Int) -> Int {
  var hash: UInt32 = 2_166_136_261
  for byte in bytes { hash = (hash ^ UInt32(byte)) &* 16_777_619 }
  return Int(hash >> 8) % count
}

enum Readers {
  static var all: [any FuzzedReader.Type] {
    [
      CSVFuzz.self, GroupedFuzz.self, TextRowFuzz.self, IDXFuzz.self, NPYFuzz.self, TSFuzz.self,
      TextFuzz.self, PairsFuzz.self,
      TaggedFuzz.self, RecipeFuzz.self, SettingFuzz.self, SafetensorsFuzz.self, StateFuzz.self,
      ResumeFuzz.self, WeightsFuzz.self, HostfileFuzz.self,
    ]
  }
  /// Readers that are wrong on purpose: they show that each kind of failure is noticed.
  static var faulty: [any FuzzedReader.Type] {
    [
      TrappingReader.self, HangingReader.self, GreedyReader.self, LeakingReader.self, BlamelessReader.self,
    ]
  }

  static func named(_ name: String) -> (any FuzzedReader.Type)? { (all + faulty).first { $0.name == name } }
}
