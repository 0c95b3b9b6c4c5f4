import Diagnostics
import Files

/// Tokens as numbers of as few bytes as their vocabulary needs.
enum TokenArray: Sendable {
  case one(Elements<UInt8>)
  case two(Elements<UInt16>)
  case four(Elements<Int32>)

  var count: Int {
    switch self {
    case .one(let tokens): tokens.count
    case .two(let tokens): tokens.count
    case .four(let tokens): tokens.count
    }
  }
}

extension TokenArray {
  /// Bytes of a token.
  static func bytes(of vocabulary: Vocabulary) -> Int {
    vocabulary.count <= 1 << 8 ? 1 : vocabulary.count <= 1 << 16 ? 2 : 4
  }

  /// All of them as they stand in a batch.
  var numbers: [Int32] {
    switch self {
    case .one(let tokens): tokens.numbers
    case .two(let tokens): tokens.numbers
    case .four(let tokens): tokens.numbers
    }
  }
}

extension Elements where Element: TokenElement {
  fileprivate var numbers: [Int32] { withUnsafeBufferPointer { $0.map { Int32(truncatingIfNeeded: $0) } } }
}

/// What a token is kept as.
protocol TokenElement: FixedWidthInteger, BitwiseCopyable, Sendable {}
extension UInt8: TokenElement {}
extension UInt16: TokenElement {}
extension Int32: TokenElement {}

/// A text whose tokens are counted, and will be numbered by a vocabulary.
protocol TokenSource {
  /// What it is read from, or what says where that is.
  var file: InputFile { get }
  /// Tokens in all.
  var count: Int { get }
  /// How often each token comes; nothing for bytes.
  var counts: [Name: Int] { get }
  /// The tokens as numbers of a vocabulary.
  func elements<Element: TokenElement>(_ vocabulary: Vocabulary) throws(Failure) -> Elements<Element>
}

extension TokenSource {
  /// The same in as few bytes as the vocabulary needs.
  func encoded(by vocabulary: Vocabulary) throws(Failure) -> TokenArray {
    switch TokenArray.bytes(of: vocabulary) {
    case 1: return .one(try elements(vocabulary))
    case 2: return .two(try elements(vocabulary))
    default: return .four(try elements(vocabulary))
    }
  }
}

extension Elements where Element: TokenElement {
  /// Elements that `write` makes, those of a range at a time; with a group each process its part, into memory that all see.
  /// - what: "FILE: its 1,234 tokens need".
  static func made(
    _ count: Int, for what: String, _ group: LoadingGroup?, part: Range<Int>? = nil,
    _ write: (_ range: Range<Int>, _ out: UnsafeMutablePointer<Element>) throws(Failure) -> Void
  ) throws(Failure) -> Elements {
    let size = count * MemoryLayout<Element>.stride
    if let group {
      let memory = try group.memory(size: size)
      let part = part ?? group.part(of: count)
      _ = try group.share { () throws(Failure) in
        try write(part, memory.base.assumingMemoryBound(to: Element.self) + part.lowerBound)
        return []
      }
      return .shared(memory)
    }
    try AvailableMemory.require(Double(size), for: what, fix: "train on a smaller text")
    var failure: Failure?
    let elements = [Element](unsafeUninitializedCapacity: count) { buffer, initialized in
      guard let out = buffer.baseAddress else { return }
      preferLargePages(out, size)
      do throws(Failure) { try write(0..<count, out) } catch { failure = error }
      initialized = count
    }
    if let failure { throw failure }
    return .own(elements)
  }
}
