import Diagnostics

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The bytes of one file, or a part of them, and the words for what is wrong with them.
///
/// The file is read, not mapped: a mapped file that shrinks while it is read would end the process.
package struct InputFile: Sendable {
  /// Line feeds behind the last byte, so that a parser may look ahead without asking where the end is.
  package static let padding = 16

  package let path: String
  /// The bytes held, followed by `padding` line feeds.
  package private(set) var padded: [UInt8]
  /// Bytes held, without the padding: all of the file, unless a part was asked for.
  package private(set) var count: Int
  /// Where in the file the bytes held begin.
  private(set) var origin = 0
  /// Bytes in the file.
  let size: Int
  /// Whether the processes of this machine read it together, each a part.
  var isDivided = false
  /// For reading more; nil for bytes that are not from a file.
  private let source: OpenFile?

  package init(path: String, bytes: some Collection<UInt8>) {
    self.path = path
    self.count = bytes.count
    self.padded = Array(bytes) + Array(repeating: newline, count: Self.padding)
    size = count
    source = nil
  }

  /// Opens the file and reads it, or throws a `Failure` that names it and `key`, the recipe's key that asked for it.
  /// - holding: says which of so many bytes to hold; nil for all of them.
  package init(
    path: String, key: String, holding part: ((_ size: Int) throws(Failure) -> Range<Int>)? = nil
  ) throws(Failure) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw .missingInput("\(path): \(systemError()); check \(key)")
    }
    let source = OpenFile(descriptor)
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw .inputOutput("\(path): \(systemError())") }
    let type = status.st_mode & S_IFMT
    guard type != S_IFDIR else { throw .missingInput("\(path) is a folder, not a file; check \(key)") }
    guard type == S_IFREG else { throw .missingInput("\(path) is not a regular file; check \(key)") }
    // A sparse file can claim any size.
    let memory = sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE))
    let size = Int(status.st_size)
    let part = try part?(size) ?? 0..<size
    guard part.count < memory else {
      throw .badData("\(path): its \(status.st_size) bytes are more than this machine's memory")
    }
    self.path = path
    (padded, count) = try source.read(part, path)
    origin = part.lowerBound
    // A file that shrank meanwhile simply ends earlier.
    self.size = part.upperBound == size ? origin + count : size
    self.source = source
  }

  /// Holds this part of the file in place of the one it holds.
  mutating func hold(_ part: Range<Int>) throws(Failure) {
    guard let source, part != origin..<origin + count else { return }
    (padded, count) = try source.read(part, path)
    origin = part.lowerBound
  }

  /// Lets go of the bytes held from there on.
  mutating func shorten(to count: Int) {
    for i in count..<min(count + Self.padding, padded.count) { padded[i] = newline }
    self.count = count
  }

  /// Whether nothing stands behind the bytes held.
  var reachesEnd: Bool { origin + count >= size }

  /// Copies bytes of the file, held or not. Bytes that are not there any more are copied as 255: NaN as a number.
  func copy(_ range: Range<Int>, to out: UnsafeMutableRawPointer) {
    if range.lowerBound >= origin, range.upperBound <= origin + count {
      padded.withUnsafeBytes {
        out.copyMemory(from: $0.baseAddress! + (range.lowerBound - origin), byteCount: range.count)
      }
      return
    }
    let got = max(0, source?.read(range, into: out) ?? 0)
    if got < range.count { memset(out + got, 255, range.count - got) }
  }

  /// The file's bytes without the padding.
  package func withBytes<R, E: Error>(_ body: (UnsafeRawBufferPointer) throws(E) -> R) throws(E) -> R {
    try padded.withUnsafeBufferPointer { (buffer) throws(E) -> R in
      try body(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer)[0..<count]))
    }
  }

  /// The number of the line, from 1, that holds the byte at `offset` of those held. Lines end in LF, CR LF or CR.
  package func line(at offset: Int) -> Int {
    if origin > 0, var whole = self as Self?, (try? whole.hold(0..<size)) != nil {
      return whole.line(at: origin + offset)
    }
    var line = 1
    for i in 0..<min(offset, count) {
      if padded[i] == newline || padded[i] == carriageReturn && padded[i + 1] != newline { line += 1 }
    }
    return line
  }

  package func failure(_ what: String) -> Failure { .badData("\(path): \(what)") }

  package func failure(at offset: Int, column: String? = nil, _ what: String) -> Failure {
    let place = column.map { ", column \(quoted($0))" } ?? ""
    return .badData("\(path), line \(line(at: offset))\(place): \(what)")
  }
}

/// An open file that closes itself.
private final class OpenFile: Sendable {
  private let descriptor: Int32
  init(_ descriptor: Int32) { self.descriptor = descriptor }
  deinit { close(descriptor) }

  /// Reads these bytes; fewer where the file has become shorter, -1 where reading fails.
  func read(_ range: Range<Int>, into out: UnsafeMutableRawPointer) -> Int {
    var total = 0
    while total < range.count {
      // Linux reads at most 2 GiB at once.
      let got = pread(
        descriptor, out + total, min(range.count - total, 1 << 30), off_t(range.lowerBound + total))
      if got < 0 && errno == EINTR { continue }
      if got <= 0 { return got < 0 ? -1 : total }
      total += got
    }
    return total
  }

  /// The same as an array with the padding behind it.
  func read(_ range: Range<Int>, _ path: String) throws(Failure) -> (bytes: [UInt8], count: Int) {
    var total = 0
    let size = range.count
    let bytes = [UInt8](unsafeUninitializedCapacity: size + InputFile.padding) { buffer, initialized in
      let base = buffer.baseAddress!
      preferLargePages(UnsafeMutableRawPointer(base), size)
      total = read(range, into: base)
      for i in 0..<InputFile.padding { buffer.initializeElement(at: max(0, total) + i, to: newline) }
      initialized = max(0, total) + InputFile.padding
    }
    guard total >= 0 else { throw .inputOutput("\(path): reading failed: \(systemError())") }
    return (bytes, total)
  }
}

let newline = UInt8(ascii: "\n")
let carriageReturn = UInt8(ascii: "\r")
let quotationMark = UInt8(ascii: "\"")
let space = UInt8(ascii: " ")
let tab = UInt8(ascii: "\t")

/// Asks for large pages where the system has them: a file of 100 MB is read a third faster. Only a hint.
func preferLargePages(_ memory: UnsafeMutableRawPointer, _ size: Int) {
  #if os(Linux)
    let page = 4096
    let first = (Int(bitPattern: memory) + page - 1) & ~(page - 1)
    let last = (Int(bitPattern: memory) + size) & ~(page - 1)
    if last - first >= 4 << 20 {
      madvise(UnsafeMutableRawPointer(bitPattern: first), last - first, MADV_HUGEPAGE)
    }
  #endif
}

/// Text from a file as a message shows it: on one line, in quotes, cut after 40 characters.
package func quoted(_ text: some StringProtocol) -> String {
  var shown = ""
  for scalar in text.unicodeScalars.prefix(40) {
    switch scalar {
    case "\n": shown += "\\n"
    case "\r": shown += "\\r"
    case "\t": shown += "\\t"
    default: shown.unicodeScalars.append(scalar.properties.generalCategory == .control ? "\u{FFFD}" : scalar)
    }
  }
  return "'\(shown)\(text.unicodeScalars.count > 40 ? "…" : "")'"
}

func quoted(_ bytes: some Collection<UInt8>) -> String {
  quoted(String(decoding: bytes.prefix(200), as: UTF8.self))
}
