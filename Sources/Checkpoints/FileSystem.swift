import Diagnostics
import Files

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The system calls that checkpoints make, in one place: each result is checked, interrupted calls are repeated, and
/// errors become a `Failure` with path and reason.
///
/// Tests pass an injector, which is asked before every call and may let it fail. Without one it costs a nil check.
public struct FileSystem: Sendable {
  package enum SystemCall: String, Sendable, CaseIterable {
    case open, status, read, write, synchronize, truncate, close
    case rename, remove, link, makeDirectory, list, lock
  }
  /// What happens instead of the call.
  package enum Fault: Equatable, Sendable {
    /// It fails with this errno, without having done anything.
    case error(Int32)
    /// A read or write moves one byte only.
    case short
    /// A write does nothing, and says that all went well.
    case lost
  }
  /// Gets the call and its path.
  package typealias Injector = @Sendable (SystemCall, String) -> Fault?

  public static let real = FileSystem()

  private let injector: Injector?
  /// What checkpoints are written by; nil for a thread of its own.
  private let writer: (@Sendable () throws(Failure) -> Worker)?

  /// - writer: what checkpoints are written by; a thread of its own if not given.
  package init(
    injector: Injector? = nil, writer: (@Sendable () throws(Failure) -> Worker)? = nil
  ) {
    (self.injector, self.writer) = (injector, writer)
  }

  func makeWriter() throws(Failure) -> Worker {
    if let writer { return try writer() }
    return try Worker()
  }

  /// Makes a call that returns -1 and sets errno on errors. It gets the fault to act out, if any.
  /// - tolerating: errnos that are no failure; they are returned as negative numbers.
  @discardableResult
  func perform(_ call: SystemCall, _ path: String, tolerating: [Int32] = [], _ body: (Fault?) -> Int)
    throws(Failure) -> Int
  {
    while true {
      let (result, code) = FileCalls.during { () -> (Int, Int32) in
        switch injector?(call, path) {
        case .error(let injected): return (-1, injected)
        case let fault:
          let result = body(fault)
          return (result, errno)
        }
      }
      if result >= 0 { return result }
      if code == EINTR { continue }
      if tolerating.contains(code) { return -Int(code) }
      throw FileSystem.failure(call, path, code)
    }
  }

  static func failure(_ call: SystemCall, _ path: String, _ code: Int32) -> Failure {
    let verb =
      switch call {
      case .open: "open"
      case .status, .list, .read: "read"
      case .write, .synchronize, .close, .truncate: "write"
      case .rename: "rename to"
      case .remove: "remove"
      case .link, .makeDirectory: "create"
      case .lock: "lock"
      }
    let advice =
      switch code {
      case ENOSPC, EDQUOT: "; free some space, or choose another directory"
      case EACCES, EPERM, EROFS: "; check its owner and permissions, or choose another directory"
      default: ""
      }
    return .inputOutput("can't \(verb) \(path): \(String(cString: strerror(code)))\(advice)")
  }
}

extension FileSystem: Equatable {
  /// Whether both make the system's own calls.
  public static func == (a: FileSystem, b: FileSystem) -> Bool { a.injector == nil && b.injector == nil }
}

extension FileSystem {
  package enum OpenMode {
    case read
    /// Made anew: there must be nothing under the name.
    case create
    /// Made where missing; writes go to its end.
    case append
    /// Made where missing, kept as it is.
    case update

    var flags: Int32 {
      // Without O_NONBLOCK opening a FIFO would wait for ever.
      switch self {
      case .read: O_RDONLY | O_NONBLOCK
      case .create: O_WRONLY | O_CREAT | O_EXCL
      case .append: O_RDWR | O_CREAT | O_APPEND | O_NONBLOCK
      case .update: O_RDWR | O_CREAT | O_NONBLOCK
      }
    }
  }

  /// Opens what a person named, wherever links lead. Throws `missingInput` where there is nothing.
  func open(reading path: String) throws(Failure) -> OpenFile {
    let descriptor = try perform(.open, path, tolerating: [ENOENT]) { _ in
      Int(platformOpen(path, OpenMode.read.flags))
    }
    guard descriptor >= 0 else {
      throw .missingInput("can't open \(path): \(String(cString: strerror(ENOENT)))")
    }
    return OpenFile(path: path, descriptor: Int32(descriptor), system: self)
  }
}

/// Child processes must not inherit descriptors: one of them would keep the lock of the run.
func platformOpen(_ path: String, _ flags: Int32) -> Int32 { open(path, flags | O_CLOEXEC) }
