import Diagnostics
import Files

/// What the inputs of CSV files take of memory, before it is taken: files that are read as a whole.
struct CSVRoom {
  private let data: DataSpecification
  /// In double: a sparse file can claim any size.
  private var taken = 0.0
  /// Bytes of a file that are looked at; smaller ones are no matter.
  private static let head = 1 << 20

  init(_ data: DataSpecification) { self.data = data }

  mutating func add(_ paths: [String], _ group: LoadingGroup?) throws(Failure) {
    guard let group else {
      for path in paths { try add(path) }
      return
    }
    _ = try group.everyone { () throws(Failure) in
      for path in paths { try add(path) }
      return []
    }
  }

  /// Adds a file, whose lines are taken to be as long as those it begins with.
  /// - Throws: where the numbers of all files so far are plainly more than `data.memory`.
  private mutating func add(_ path: String) throws(Failure) {
    guard data.content == nil, let stamp = FileStamp(path), stamp.size > Self.head else { return }
    let file = try InputFile(path: path, key: data.pathName, unpacks: false) { _ in 0..<Self.head }
    if Gzip.isPacked(file) { return }
    guard file.count > 0 else { return }
    let rowsPerByte = Double(file.withBytes { Self.rows($0) }) / Double(file.count)
    taken +=
      rowsPerByte * Double(stamp.size) * Double(data.inputNames.count * MemoryLayout<Float>.stride)
    guard taken > Double(data.mostMemory) else { return }
    let limit =
      data.memory.map { "data.memory, \(AvailableMemory.inWords(Double($0)))" }
      ?? "half of this machine's memory"
    let advice =
      data.isTableOfSeries
      ? "use fewer rows or columns"
      : "recur pack \(ShellWords.quoted([path])) --out DIR makes shards of it, which need not fit if data.path names DIR"
    throw .badData(
      "\(path): its inputs take some \(AvailableMemory.inWords(taken)), more than \(limit); \(advice)"
    )
  }

  /// Line ends that are not in quotes.
  private static func rows(_ bytes: UnsafeRawBufferPointer) -> Int {
    var (rows, isQuoted) = (0, false)
    for byte in bytes {
      if byte == quotationMark { isQuoted.toggle() }
      if byte == newline, !isQuoted { rows += 1 }
    }
    return rows
  }
}
