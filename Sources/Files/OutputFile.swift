import Diagnostics

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// An output that a person named. Everything that the program writes for a person comes through here.
///
/// A regular file is there whole or not at all: it is written under another name beside it, readable to its owner alone, gets the
/// mode that the umask says (or that of the file it replaces), and is renamed. A link stays a link, and what it leads to is
/// replaced. A device, a FIFO, a socket and a descriptor of this process (`-`, /dev/stdout, /dev/fd/3) are written straight into.
package final class OutputFile {
  package let path: String
  /// Whether the bytes go to standard output, which then belongs to them alone.
  package let isStandardOutput: Bool

  private let target: OutputTarget
  /// Where it is written beside.
  private let temporary: String?
  private var descriptor: Int32
  private var pending: [UInt8] = []

  /// Opens it, before any work is done.
  /// - option: what it was named by, for messages.
  /// - contents: what will be written, which the name of a regular file must not deny; nil where the name decides that.
  /// - inputs: what the same command reads; an output that is one of them is refused.
  /// - other: another output of the command, by the option that names it; the same file can't be both.
  /// - Throws: `usage` for a folder, an input and the other output, `inputOutput` where it can't be written.
  package init(
    _ path: String, option: String, of contents: OutputContents? = nil, notOver inputs: [String] = [],
    besides other: (option: String, path: String)? = nil
  ) throws(Failure) {
    self.path = path
    target = try OutputTarget(path)
    if case .file = target { try contents?.check(path, option: option) }
    isStandardOutput = target.isStandardOutput
    let own = FileIdentity(path, standard: STDOUT_FILENO)
    // What the command itself will make counts by its name.
    func isSame(_ file: String, _ standard: Int32) -> Bool {
      own.map { $0.isRegular && $0 == FileIdentity(file, standard: standard) }
        ?? (Paths.absolute(file) == Paths.absolute(path))
    }
    if let input = inputs.first(where: { isSame($0, STDIN_FILENO) }) {
      throw .usage("\(option) \(path) is a file that this command reads (\(input)); choose another")
    }
    if let other, isSame(other.path, STDOUT_FILENO) {
      throw .usage("\(option) \(path) is the file of \(other.option) as well; choose another for one of them")
    }
    guard case .file(let place, _) = target else {
      temporary = nil
      descriptor = try target.descriptor(path)
      return
    }
    do throws(Failure) {
      let made = try PrivateFile.make(in: Paths.folder(of: place))
      (temporary, descriptor) = (made.path, made.descriptor)
    } catch {
      throw Failure(error.kind, "\(path): \(error.message)")
    }
  }

  /// Throws what opening it now would throw, and leaves nothing behind. What would wait for a reader is not opened.
  package static func check(
    _ path: String, option: String, of contents: OutputContents? = nil, notOver inputs: [String] = []
  ) throws(Failure) {
    if case .stream(let place) = try OutputTarget(path) {
      guard access(place, W_OK) == 0 else { throw Writing.failure(path, errno) }
      return
    }
    _ = try OutputFile(path, option: option, of: contents, notOver: inputs)
  }

  /// Whether a path leads to standard output.
  package static func isStandardOutput(_ path: String) -> Bool {
    (try? OutputTarget(path))?.isStandardOutput == true
  }

  /// Whether a path leads to something that is written straight into: a descriptor, a device, a FIFO, a socket.
  package static func isStream(_ path: String) -> Bool {
    guard let target = try? OutputTarget(path) else { return false }
    if case .file = target { return false }
    return true
  }

  deinit {
    if descriptor >= 0 { _ = platformClose(descriptor) }
    if let temporary { PrivateFile.remove(temporary) }
  }

  /// Writes a line and its end.
  package func write(_ line: String) throws(Failure) {
    pending += line.utf8
    pending.append(newline)
    if pending.count >= 1 << 20 { try flush() }
  }

  package func write(_ bytes: UnsafeRawBufferPointer) throws(Failure) {
    try flush()
    try Writing.write(bytes, to: descriptor, path)
  }

  /// Writes what is left, makes a regular file durable, and puts it in its place.
  package func close() throws(Failure) {
    try flush()
    guard case .file(let place, let mode) = target, let temporary else { return try end() }
    // Who may write to another one's file does not take it away.
    var status = stat()
    if stat(place, &status) == 0 { fchown(descriptor, status.st_uid, status.st_gid) }
    fchmod(descriptor, mode ?? 0o666 & ~UserMask.current)
    // Some file systems can't synchronize and say EINVAL; they have no other way.
    if fsync(descriptor) != 0, errno != EINVAL { throw Writing.failure(path, errno) }
    try end()
    guard rename(temporary, place) == 0 else { throw Writing.failure(path, errno) }
    PrivateFile.release(temporary)
  }

  /// Some file systems report a full disk only now.
  private func end() throws(Failure) {
    let result = platformClose(descriptor)
    descriptor = -1
    if result != 0, errno != EINTR { throw Writing.failure(path, errno) }
  }

  /// Hands over what was written so far: for who waits at the other end of a pipe.
  package func flush() throws(Failure) {
    if pending.isEmpty { return }
    try Writing.write(pending, to: descriptor, path)
    pending.removeAll(keepingCapacity: true)
  }
}

extension OutputTarget {
  var isStandardOutput: Bool { self == .descriptor(STDOUT_FILENO) }
}

/// The rights that new files don't get.
private enum UserMask {
  /// `umask` can only be read by changing it, which other threads would see.
  static var current: mode_t {
    let lines = (try? InputFile.lines(of: "/proc/self/status", key: "", limit: 1 << 20)) ?? []
    let words = lines.first { $0.hasPrefix("Umask:") }?.utf8.split(separator: 9).last.map { String($0)! }
    if let mask = words.flatMap({ mode_t($0, radix: 8) }) { return mask }
    let mask = umask(0o077)
    umask(mask)
    return mask
  }
}
