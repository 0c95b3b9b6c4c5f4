import Diagnostics

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The bytes of one file, or a part of them, and the words for what is wrong with them. Everything that the program reads comes
/// through here.
///
/// The file is read, not mapped: a mapped file that shrinks while it is read would end the process.
package struct InputFile: Sendable {
  /// Line feeds after the last byte, so that a parser may look ahead without asking where the end is.
  package static let padding = 16

  package let path: String
  /// The bytes held, followed by `padding` line feeds.
  package private(set) var padded: [UInt8]
  /// Bytes held, without the padding: all of the file, unless a part was asked for.
  package private(set) var count: Int
  /// Where in the file the bytes held begin.
  package private(set) var origin = 0
  /// Bytes in the file.
  package let size: Int
  /// Of a sample that a program sent on one line: the line of `padded` that holds its first value; nil for a file.
  package private(set) var firstValueLine: Int?
  /// Whether the processes of this machine read it together, each a part.
  package var isDivided = false
  /// For reading more; nil for bytes that can't be read again.
  private let source: OpenInput?

  package init(path: String, bytes: some Collection<UInt8>, firstValueLine: Int? = nil) {
    self.init(path, InputFile.padding(Array(bytes)), source: nil)
    self.firstValueLine = firstValueLine
  }

  /// - held: with the padding.
  private init(_ path: String, _ held: [UInt8], origin: Int = 0, size: Int? = nil, source: OpenInput?) {
    self.path = path
    padded = held
    count = held.count - Self.padding
    self.origin = origin
    self.size = size ?? origin + count
    self.source = source
  }

  /// Opens the file and reads it, or throws a `Failure` that names it and `key`, the recipe's key or the option that asked for it.
  ///
  /// What is compressed by gzip is unpacked, and then held as a whole.
  /// - allowsStream: whether a FIFO, a terminal or `-`, standard input, will do, which is read once and held as a whole.
  /// - limit: the most bytes such a file may have; nil for what the memory takes.
  /// - unpacks: whether gzip is undone; false for who does it with a bound of its own.
  /// - holding: says which of so many bytes to hold; nil for all of them.
  package init(
    path: String, key: String, allowsStream: Bool = false, limit: Int? = nil, unpacks: Bool = true,
    holding part: ((_ size: Int) throws(Failure) -> Range<Int>)? = nil
  ) throws(Failure) {
    let source = try OpenInput(path, key: key, allowsStream: allowsStream)
    let limit = min(limit ?? .max, Memory.most)
    guard case .file(let size) = source.kind, size > 0 else {
      // The size of a file in /proc is not known before it is read.
      var bytes = try source.all(limit: limit)
      if unpacks, Gzip.isPacked(bytes) { bytes = try Gzip.unpacked(bytes, source.name, limit: limit) }
      self.init(source.name, InputFile.padding(bytes), source: nil)
      return
    }
    if unpacks, source.beginsPacked {
      self.init(path, InputFile.padding(try Gzip.unpacked(source, limit: limit)), source: nil)
      return
    }
    let part = try part?(size) ?? 0..<size
    // A sparse file can claim any size.
    guard part.count <= limit else { throw Memory.failure(path, "its \(size) bytes", limit) }
    try Memory.require(part.count, path)
    // A file that shrank meanwhile simply ends earlier.
    self.init(
      path, try source.read(part).bytes, origin: part.lowerBound,
      size: part.upperBound == size ? nil : size, source: source)
  }

  private static func padding(_ bytes: consuming [UInt8]) -> [UInt8] {
    var bytes = bytes
    bytes.append(contentsOf: repeatElement(newline, count: padding))
    return bytes
  }

  /// Holds this part of the file in place of the one it holds.
  package mutating func hold(_ part: Range<Int>) throws(Failure) {
    guard let source, part != origin..<origin + count else { return }
    (padded, count) = try source.read(part)
    origin = part.lowerBound
  }

  /// Lets go of the bytes held from there on.
  package mutating func shorten(to count: Int) {
    for i in count..<min(count + Self.padding, padded.count) { padded[i] = newline }
    self.count = count
  }

  /// Whether nothing stands after the bytes held.
  package var reachesEnd: Bool { origin + count >= size }

  /// Whether its bytes can be read again, and in parts.
  package var isRepeatable: Bool { source != nil }

  /// Copies bytes of the file, held or not. Bytes that are not there any more are copied as 255: NaN as a number.
  package func copy(_ range: Range<Int>, to out: UnsafeMutableRawPointer) {
    if range.lowerBound >= origin, range.upperBound <= origin + count {
      padded.withUnsafeBytes {
        out.copyMemory(from: $0.baseAddress! + (range.lowerBound - origin), byteCount: range.count)
      }
      return
    }
    let got = max(0, source?.read(range, into: out) ?? 0)
    if got < range.count { memset(out + got, 255, range.count - got) }
  }

  /// These bytes of the file, held or not.
  /// - Throws: where it has become shorter.
  package func withBytes<R>(
    _ range: Range<Int>, _ body: (UnsafeBufferPointer<UInt8>) throws(Failure) -> R
  ) throws(Failure) -> R {
    if range.lowerBound >= origin, range.upperBound <= origin + count {
      return try padded.withUnsafeBufferPointer { (bytes) throws(Failure) -> R in
        let held = range.lowerBound - origin..<range.upperBound - origin
        return try body(UnsafeBufferPointer(rebasing: bytes[held]))
      }
    }
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: range.count, alignment: 64)
    defer { memory.deallocate() }
    let got = source?.read(range, into: memory.baseAddress!) ?? 0
    guard got >= 0 else { throw .inputOutput("\(path): reading failed: \(systemError())") }
    guard got == range.count else { throw changed }
    return try body(UnsafeBufferPointer(memory.bindMemory(to: UInt8.self)))
  }

  package var changed: Failure {
    .inputOutput("\(path) has changed while it was read; start again when it is complete")
  }

  /// The file's bytes without the padding.
  package func withBytes<R, E: Error>(_ body: (UnsafeRawBufferPointer) throws(E) -> R) throws(E) -> R {
    try padded.withUnsafeBufferPointer { (buffer) throws(E) -> R in
      try body(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer)[0..<count]))
    }
  }
}

extension OpenInput {
  fileprivate var beginsPacked: Bool {
    var bytes: [UInt8] = [0, 0]
    let count = bytes.withUnsafeMutableBytes { read(0..<2, into: $0.baseAddress!) }
    return count == 2 && Gzip.isPacked(bytes)
  }

  /// These bytes of a file as an array with the padding after it.
  fileprivate func read(_ range: Range<Int>) throws(Failure) -> (bytes: [UInt8], count: Int) {
    var total = 0
    let size = range.count
    let bytes = [UInt8](unsafeUninitializedCapacity: size + InputFile.padding) { buffer, initialized in
      let base = buffer.baseAddress!
      preferLargePages(UnsafeMutableRawPointer(base), size)
      total = read(range, into: base)
      for i in 0..<InputFile.padding { buffer.initializeElement(at: max(0, total) + i, to: newline) }
      initialized = max(0, total) + InputFile.padding
    }
    guard total >= 0 else { throw .inputOutput("\(name): reading failed: \(systemError())") }
    return (bytes, total)
  }

  /// All that a stream, or a file of no known size, gives.
  fileprivate func all(limit: Int) throws(Failure) -> [UInt8] {
    var held = GrowingBytes(name, limit: limit)
    while try held.append({ (room, count) throws(Failure) in try next(into: room, isFirst: count == 0) }) {}
    return held.bytes
  }
}

/// Asks for large pages where the system has them: a file of 100 MB is read a third faster. Only a hint.
package func preferLargePages(_ memory: UnsafeMutableRawPointer, _ size: Int) {
  #if os(Linux)
    let page = 4096
    let first = (Int(bitPattern: memory) + page - 1) & ~(page - 1)
    let last = (Int(bitPattern: memory) + size) & ~(page - 1)
    if last - first >= 4 << 20 {
      madvise(UnsafeMutableRawPointer(bitPattern: first), last - first, MADV_HUGEPAGE)
    }
  #endif
}
