import Diagnostics

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The bytes of one file, and the words for what is wrong with them.
///
/// The file is read once, not mapped: a mapped file that shrinks while it is read would end the process.
package struct InputFile: Sendable {
  /// Line feeds behind the last byte, so that a parser may look ahead without asking where the end is.
  package static let padding = 16

  package let path: String
  /// The file's bytes followed by `padding` line feeds.
  package let padded: [UInt8]
  /// Bytes in the file, without the padding.
  package let count: Int

  package init(path: String, bytes: some Collection<UInt8>) {
    self.path = path
    self.count = bytes.count
    self.padded = Array(bytes) + Array(repeating: newline, count: Self.padding)
  }

  /// Reads the file, or throws a `Failure` that names it and `key`, the recipe's key that asked for it.
  package init(path: String, key: String) throws(Failure) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw .missingInput("\(path): \(systemError()); check \(key)")
    }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw .inputOutput("\(path): \(systemError())") }
    let type = status.st_mode & S_IFMT
    guard type != S_IFDIR else { throw .missingInput("\(path) is a folder, not a file; check \(key)") }
    guard type == S_IFREG else { throw .missingInput("\(path) is not a regular file; check \(key)") }
    // A sparse file can claim any size.
    let memory = sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE))
    guard status.st_size < memory else {
      throw .badData("\(path): its \(status.st_size) bytes are more than this machine's memory")
    }
    self.path = path
    (padded, count) = try Self.readAll(descriptor, size: Int(status.st_size), path: path)
  }

  private static func readAll(
    _ descriptor: Int32, size: Int, path: String
  ) throws(Failure) -> (bytes: [UInt8], count: Int) {
    var failure: Failure?
    var total = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: size + padding) { buffer, initialized in
      preferLargePages(UnsafeMutableRawPointer(buffer.baseAddress!), size)
      while total < size {
        // Linux reads at most 2 GiB at once; a file that shrank meanwhile simply ends earlier.
        let got = read(descriptor, buffer.baseAddress! + total, min(size - total, 1 << 30))
        if got < 0 && errno == EINTR { continue }
        if got < 0 { failure = .inputOutput("\(path): reading failed: \(systemError())") }
        if got <= 0 { break }
        total += got
      }
      for i in 0..<padding { buffer.initializeElement(at: total + i, to: newline) }
      initialized = total + padding
    }
    if let failure { throw failure }
    return (bytes, total)
  }

  /// The file's bytes without the padding.
  package func withBytes<R, E: Error>(_ body: (UnsafeRawBufferPointer) throws(E) -> R) throws(E) -> R {
    try padded.withUnsafeBufferPointer { (buffer) throws(E) -> R in
      try body(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer)[0..<count]))
    }
  }

  /// The number of the line, from 1, that holds the byte at `offset`. Lines end in LF, CR LF or CR.
  package func line(at offset: Int) -> Int {
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

func systemError() -> String { String(cString: strerror(errno)) }

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
