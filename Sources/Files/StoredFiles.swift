import Diagnostics
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Files that are read here and there for as long as a program runs. Only some of them are open at a time, and none may change meanwhile.
package final class StoredFiles: Sendable {
  package let paths: [String]
  private let stamps: [FileStamp]
  private let opened: Mutex<Opened>
  private let first = Mutex<Failure?>(nil)
  /// Some of those that a process may have: ranks, logs and checkpoints need some too.
  private static let mostOpen: Int = {
    var limit = rlimit()
    guard getrlimit(openFiles, &limit) == 0 else { return 64 }
    return Int(max(16, min(limit.rlim_cur / 4, 1024)))
  }()
  #if os(Linux) && canImport(Glibc)
    private static let openFiles = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
  #else
    private static let openFiles = RLIMIT_NOFILE
  #endif

  /// - key: the recipe's key that names them, for messages.
  package init(_ paths: [String], key: String) throws(Failure) {
    var stamps: [FileStamp] = []
    for path in paths {
      guard let stamp = FileStamp(path) else {
        // Says why.
        _ = try OpenInput(path, key: key, allowsStream: false)
        throw .missingInput("\(path) is not a regular file; check \(key)")
      }
      stamps.append(stamp)
    }
    (self.paths, self.stamps) = (paths, stamps)
    opened = Mutex(Opened(files: [OpenInput?](repeating: nil, count: paths.count)))
  }

  package func size(_ number: Int) -> Int { stamps[number].size }
  package var size: Int { stamps.reduce(0) { $0 + $1.size } }

  /// What first went wrong with `copy`.
  package var failure: Failure? { first.withLock { $0 } }

  /// Notes what is wrong with what was read, unless something was before.
  package func fail(_ failure: Failure) { first.withLock { $0 = $0 ?? failure } }

  /// Reads these bytes of a file.
  /// - Throws: where it is not what it was at first.
  package func read(_ number: Int, _ range: Range<Int>, into out: UnsafeMutableRawPointer) throws(Failure) {
    let (path, known) = (paths[number], stamps[number])
    let file = try open(number)
    let got = file.read(range, into: out)
    let reason = got < 0 ? systemError() : ""
    // Looked at afterwards: what changed before it was read has been noticed then.
    guard let now = file.stamp, now.isThere else {
      throw .missingInput("\(path) is not there any more; put it back and resume the run")
    }
    guard got >= 0 else { throw .inputOutput("\(path): reading failed: \(reason)") }
    guard now == known, got == range.count else { throw Self.changed(path, known, now) }
  }

  /// The same where nothing can be thrown: `failure` has it then, and the bytes are all 255.
  package func copy(_ number: Int, _ range: Range<Int>, to out: UnsafeMutableRawPointer) {
    do throws(Failure) { try read(number, range, into: out) } catch {
      fail(error)
      out.initializeMemory(as: UInt8.self, repeating: 255, count: range.count)
    }
  }

  /// Asks the system to read these bytes ahead; only a hint.
  package func readAhead(_ number: Int, _ range: Range<Int>) {
    (try? open(number))?.readAhead(range)
  }

  private func open(_ number: Int) throws(Failure) -> OpenInput {
    if let known = opened.withLock({ $0.files[number] }) { return known }
    let path = paths[number]
    guard FileStamp(path) != nil else {
      throw .missingInput("\(path) is not there any more; put it back and resume the run")
    }
    let file = try OpenInput(path, key: "data", allowsStream: false)
    opened.withLock { $0.add(file, number, most: Self.mostOpen) }
    return file
  }

  private static func changed(_ path: String, _ known: FileStamp, _ now: FileStamp) -> Failure {
    let what =
      known.size == now.size ? "has been written to" : "had \(known.size) bytes and has \(now.size) now"
    return .inputOutput("\(path) \(what) since the run began; put back what it was and resume the run")
  }
}

/// The files that are open at a time.
private struct Opened {
  /// By their numbers.
  var files: [OpenInput?]
  /// Those that are there, in the order in which they were opened.
  private var order: [Int] = []

  init(files: [OpenInput?]) { self.files = files }

  mutating func add(_ file: OpenInput, _ number: Int, most: Int) {
    // Another thread may have been faster.
    guard files[number] == nil else { return }
    if order.count == most { files[order.removeFirst()] = nil }
    order.append(number)
    files[number] = file
  }
}
