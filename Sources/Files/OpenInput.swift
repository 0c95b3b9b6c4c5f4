import Diagnostics

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// An input that was opened without waiting and looked at before anything was read of it.
///
/// A regular file can be read again and from anywhere; a FIFO, a pipe, a terminal or standard input is a stream, which is read
/// once, and only where the caller can do with that. Everything else is refused.
final class OpenInput: Sendable {
  enum Medium: Equatable {
    case file(size: Int)
    case stream
  }

  /// As a message shows it.
  let name: String
  let kind: Medium
  private let descriptor: Int32
  /// Whether the wait for a first writer is over.
  private let isFIFO: Bool

  /// How long a FIFO may be without a writer.
  private static let patience = 1000

  /// - path: `-` is standard input where a stream will do.
  /// - key: the recipe's key or the option that asked for it, for messages.
  init(_ path: String, key: String, allowsStream: Bool) throws(Failure) {
    let isStandard = path == "-"
    guard !isStandard || allowsStream else {
      throw .usage("- is standard input, which one process alone can read, and once; name a file (\(key))")
    }
    name = isStandard ? "standard input" : path
    // O_NONBLOCK: opening a FIFO would wait for its writer. O_NOCTTY: a terminal must not become this process's own.
    let flags = O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY
    descriptor = isStandard ? fcntl(0, F_DUPFD_CLOEXEC, 3) : platformOpen(path, flags)
    guard descriptor >= 0 else { throw Self.failure(name, errno, key) }
    var status = stat()
    let known = fstat(descriptor, &status) == 0
    do throws(Failure) {
      guard known else { throw .inputOutput("\(name): \(systemError())") }
      kind = try Self.kind(status, name, key, allowsStream, isStandard, isTerminal: isatty(descriptor) == 1)
    } catch {
      close(descriptor)
      throw error
    }
    isFIFO = !isStandard && status.st_mode & S_IFMT == S_IFIFO
  }

  deinit { close(descriptor) }

  private static func kind(
    _ status: stat, _ name: String, _ key: String, _ allowsStream: Bool, _ isStandard: Bool, isTerminal: Bool
  ) throws(Failure) -> Medium {
    let type = status.st_mode & S_IFMT
    switch type {
    case S_IFDIR: throw .missingInput("\(name) is a folder, not a file; check \(key)")
    // Standard input may be in the midst of a file: it is read on from there.
    case S_IFREG: return isStandard ? .stream : .file(size: Int(status.st_size))
    case S_IFIFO,
      S_IFCHR where isTerminal, S_IFSOCK where isStandard:
      if allowsStream { return .stream }
      throw .missingInput("\(name) is not a regular file, and has to be read more than once; check \(key)")
    case S_IFCHR where isStandard && isNull(status): return .stream
    default: throw .missingInput("\(name) is not a regular file; check \(key)")
    }
  }

  /// The device that holds nothing, which a program without standard input gets.
  private static func isNull(_ status: stat) -> Bool {
    var null = stat()
    return stat("/dev/null", &null) == 0 && null.st_rdev == status.st_rdev
  }

  private static func failure(_ name: String, _ code: Int32, _ key: String) -> Failure {
    let reason = code == ENXIO ? "is a socket or a device without a driver" : String(cString: strerror(code))
    switch code {
    case EMFILE, ENFILE, ENOMEM, EIO: return .inputOutput("\(name): \(reason)")
    default: return .missingInput("\(name): \(reason); check \(key)")
    }
  }
}

extension OpenInput {
  /// Reads these bytes of a file; fewer where it has become shorter, -1 where reading fails.
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

  /// What it is now.
  var stamp: FileStamp? { FileStamp(descriptor: descriptor) }

  /// Asks the system to have these bytes in memory soon; only a hint.
  func readAhead(_ range: Range<Int>) {
    #if os(Linux)
      // Of one call Linux takes no more than what the device reads ahead at most, often 128 KiB.
      let most = 128 << 10
      for first in stride(from: range.lowerBound, to: range.upperBound, by: most) {
        let count = min(most, range.upperBound - first)
        posix_fadvise(descriptor, off_t(first), off_t(count), POSIX_FADV_WILLNEED)
      }
    #endif
  }

  /// The next bytes of a stream, or of a file from its beginning on; 0 at its end.
  func next(into out: UnsafeMutableRawBufferPointer, isFirst: Bool) throws(Failure) -> Int {
    var patience = Self.patience
    while true {
      // Only this shows in time that a stop was asked for; a regular file can always be read.
      if kind == .stream, !isFIFO || patience == 0 {
        try Interruption.wait(descriptor, for: POLLIN, name)
      }
      let got = platformRead(descriptor, out)
      if got > 0 { return got }
      switch (got, errno) {
      case (0, _) where isFIFO && isFirst && patience > 0:
        // No writer yet, or one that has come and gone.
        try Interruption.nap(name)
        patience -= 20
        if patience <= 0 {
          throw .missingInput("\(name) is a FIFO that nobody writes to; start its writer first")
        }
      case (0, _): return 0
      case (_, EINTR): break
      // It has a writer, who may take any time.
      case (_, EAGAIN): patience = 0
      default: throw .inputOutput("\(name): reading failed: \(systemError())")
      }
    }
  }
}
