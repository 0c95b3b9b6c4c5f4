import Diagnostics
import Exchange

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The event file of a run in a folder that TensorBoard reads. Records are appended whole; each tag has each step once.
final class EventFile {
  private let file: OpenFile
  /// Bytes of whole records.
  private var count: Int
  /// The last step of each tag.
  private var last: [Name: Int]

  var path: String { file.path }

  /// Begins a run's file, or writes anew what earlier ones of the run have kept: TensorBoard, if it looks on, forgets the old ones.
  /// - run: the run's ID, which its files' names end with.
  /// - step: what the run goes on from; nil for a new one.
  /// - lines: of `metrics.jsonl`, as far as they count: their numbers are there, whatever the old files have lost, and no others.
  init(
    in folder: Directory, run: String, resumedAt step: Int?, metrics lines: [MetricsScalars]
  ) throws(Failure) {
    let names = try folder.names()
    let own = names.filter { $0.hasBytes(last: "\(Self.mark)\(run)") }
    let kept = try KeptEvents(
      step == nil ? [] : own.map { name throws(Failure) in try Self.bytes(of: name, in: folder) },
      upTo: step ?? 0,
      metrics: lines)
    let name = Self.name(run: run, after: own)
    var (opened, written): (OpenFile?, Int) = (nil, 0)
    try folder.replace(name) { temporary throws(Failure) in
      let file = try folder.open(temporary, .append)
      for piece in kept.pieces {
        try piece.withUnsafeBufferPointer { bytes throws(Failure) in
          try file.write(UnsafeRawBufferPointer(bytes))
        }
        written += piece.count
      }
      try file.synchronize()
      opened = file
    }
    for old in own + names.filter({ Self.isUnfinished($0, run: run) }) { try folder.remove(old) }
    (file, count, last) = (opened!, written, kept.last)
  }

  /// Adds a value, unless the tag has that step already.
  func add(_ tag: Name, step: Int, _ value: TensorBoardValue) throws(Failure) {
    guard step > last[tag] ?? -1 else { return }
    let record = TensorBoardEvent(time: Self.now, step: step, .value(tag: tag.text, value)).record
    do throws(Failure) {
      try record.withUnsafeBufferPointer { bytes throws(Failure) in
        try file.write(UnsafeRawBufferPointer(bytes))
      }
    } catch {
      try? file.truncate(to: count)
      throw error
    }
    count += record.count
    last[tag] = step
  }

  func add(_ line: MetricsScalars) throws(Failure) {
    for scalar in line.scalars { try add(scalar.tag, step: scalar.step, .scalar(scalar.value)) }
  }

  func close() throws(Failure) { try file.close() }
}

extension EventFile {
  /// What TensorBoard knows event files by, and what tells those of this program.
  private static let (start, mark) = ("events.out.tfevents.", ".recur.")

  /// Whether a file is an event file, whoever wrote it.
  static func isEventFile(_ name: String) -> Bool {
    name.utf8.count > start.utf8.count && name.hasBytes(first: start)
  }

  /// Whether this program wrote it.
  static func isOwn(_ name: String) -> Bool {
    // text: names of this program.
    isEventFile(name) && name.split(separator: ".").dropLast().last == "recur"
  }

  /// Whether a process was killed while it wrote this one.
  private static func isUnfinished(_ name: String, run: String) -> Bool {
    isEventFile(name) && name.utf8.contains(Array("\(mark)\(run)\(FileSystem.temporaryMark)".utf8))
  }

  static var now: Double {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }

  /// Files are read in the order of their names: the new one stands after the old ones.
  private static func name(run: String, after old: [String]) -> String {
    let seconds = old.compactMap { name in
      Int(
        String(
          decoding: name.utf8.dropFirst(start.utf8.count).prefix { $0 != UInt8(ascii: ".") }, as: UTF8.self))
    }
    return "\(start)\(max(Int(now), (seconds.max() ?? 0) + 1))\(mark)\(run)"
  }

  private static func bytes(of name: String, in folder: Directory) throws(Failure) -> [UInt8] {
    let file = try folder.open(name, .read)
    let size = try file.size()
    var bytes = [UInt8](repeating: 0, count: size)
    let read = try bytes.withUnsafeMutableBufferPointer { bytes throws(Failure) in
      try file.read(into: UnsafeMutableRawBufferPointer(bytes))
    }
    return Array(bytes[..<read])
  }
}
