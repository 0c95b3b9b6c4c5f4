import Diagnostics
import Files

/// A CSV file that the processes of a machine read together: each the rows that begin in its part of the bytes.
///
/// Where in its part the first row begins can't be known for sure, because a line end may stand in quotes. So each process
/// takes the first line end for one, and then all look whether each began where the one before it ended; who did not reads
/// again from there. The rows are those that one process would read, and so is the first error.
struct CSVParts {
  private var file: InputFile
  private let group: LoadingGroup
  private let parts: [Range<Int>]
  private var own: Range<Int> { parts[group.index] }
  private(set) var header: CSVHeader

  init(_ file: InputFile, delimiter: UInt8, hasNames: Bool, _ group: LoadingGroup) throws(Failure) {
    var file = file
    parts = (0..<group.count).map { group.part(of: file.size, at: $0) }
    let own = parts[group.index]
    let given = try group.share { () throws(Failure) in
      guard group.index == 0 else { return [] }
      try file.hold(0..<min(file.size, own.upperBound + 1 << 16))
      let header = try CSVHeader(file, delimiter: delimiter, hasNames: hasNames)
      guard header.body < file.count else {
        throw file.failure("has a first line of more than \(file.count) bytes")
      }
      var writer = ByteWriter()
      writer.add(header.body)
      writer.add(header.names)
      return writer.bytes
    }
    var reader = ByteReader(given[0])
    header = CSVHeader(
      file, delimiter: delimiter, body: reader.int(), names: reader.texts(), hasNames: hasNames)
    (self.file, self.group) = (file, group)
  }

  /// What a process has read of its part. Offsets count from the beginning of the file.
  private struct ReadPart {
    var start: Int
    var end: Int
    var rows: CSVTable?
    var failure: Failure?
  }

  mutating func read(
    columns: [Int], names: [Int], gaps: DataSpecification.GapPolicy, notation: NumberNotation
  ) throws(Failure) -> CSVTable {
    var piece = piece(from: group.index == 0 ? header.body : nil, columns, names, notation)
    while true {
      switch try fit(piece) {
      case .all: return try table(piece.rows, columns, names, gaps)
      case .again(let start): piece = self.piece(from: start, columns, names, notation)
      case .wait: break
      }
    }
  }

  /// - from: where the first row begins, if that is known.
  private mutating func piece(
    from known: Int?, _ columns: [Int], _ names: [Int], _ notation: NumberNotation
  ) -> ReadPart {
    var (tail, start) = (1 << 16, known)
    do {
      while true {
        let held = max(0, own.lowerBound - 1)..<min(file.size, own.upperBound + tail)
        try file.hold(held)
        if held.upperBound < file.size { file.endAtLine() }
        start = start ?? file.secondLine().map { held.lowerBound + $0 }
        if let first = start, first >= own.upperBound || first >= file.size { break }
        if let first = start,
          let rows = try CSVReader.rows(
            header.in(file), columns: columns, names: names,
            in: first - held.lowerBound..<own.upperBound - held.lowerBound, notation: notation)
        {
          return ReadPart(start: first, end: held.lowerBound + rows.end, rows: rows)
        }
        if held.upperBound == file.size { break }
        tail *= 16
      }
      // Some row before covers all of this part.
      return ReadPart(start: own.upperBound, end: own.upperBound)
    } catch {
      return ReadPart(start: start ?? own.lowerBound, end: own.upperBound, failure: error)
    }
  }

  /// How the pieces of all processes fit together.
  private enum Alignment {
    case all
    /// This process must read again from there, or another one must.
    case again(Int)
    case wait
  }

  private func fit(_ piece: ReadPart) throws(Failure) -> Alignment {
    var writer = ByteWriter()
    for number in [piece.start, piece.end, piece.failure == nil ? 0 : 1] { writer.add(number) }
    let all = try group.share { writer.bytes }
    var (expected, wrong, failed) = (header.body, nil as Int?, nil as Int?)
    for (index, part) in all.enumerated() {
      var reader = ByteReader(part)
      let (start, end, failure) = (reader.int(), reader.int(), reader.int())
      if expected >= parts[index].upperBound { continue }
      if start != expected { wrong = index }
      if wrong == nil, failure == 1 { failed = index }
      if wrong != nil || failed != nil { break }
      expected = end
    }
    let states = try group.everyone { () throws(Failure) in
      if failed == group.index, let failure = piece.failure { throw failure }
      return [wrong == nil ? 0 : 1]
    }
    if !states.contains([1]) { return .all }
    return wrong == group.index ? .again(expected) : .wait
  }

  /// Puts the rows of all processes one after the other into memory that all see.
  private func table(
    _ rows: CSVTable?, _ columns: [Int], _ names: [Int], _ gaps: DataSpecification.GapPolicy
  ) throws(Failure) -> CSVTable {
    var writer = ByteWriter()
    writer.add(rows?.rows ?? 0)
    writer.add(rows?.hasGaps == true ? 1 : 0)
    for place in names.indices { writer.add(rows?.names[place].texts ?? NameTable()) }
    var counts: [Int] = []
    var hasGaps = false
    var all = names.map { CSVTable.Names(fileColumn: $0) }
    /// For each number that this process gave, the one that all give; of each column of names.
    var maps: [[Int32]] = []
    for (index, part) in try group.share({ writer.bytes }).enumerated() {
      var reader = ByteReader(part)
      counts.append(reader.int())
      hasGaps = reader.int() == 1 || hasGaps
      // In the order in which one process would meet them.
      let numbers = all.indices.map { place in reader.byteStrings().map { all[place].texts.insert($0) } }
      if index == group.index { maps = numbers }
    }
    let (first, total) = (counts[..<group.index].reduce(0, +), counts.reduce(0, +))
    let memory = try group.memory(size: 8 * total * columns.count)
    let codes = try names.map { (_) throws(Failure) in try group.memory(size: 4 * total) }
    _ = try group.share {
      guard let rows else { return [] }
      let width = columns.count
      memory.base.assumingMemoryBound(to: Double.self).advanced(by: first * width)
        .update(from: rows.numbers.values, count: rows.rows * width)
      for (place, codes) in codes.enumerated() {
        let out = codes.base.assumingMemoryBound(to: Int32.self)
        for (row, code) in rows.names[place].codes.enumerated() {
          out[first + row] = code < 0 ? -1 : maps[place][Int(code)]
        }
      }
      return []
    }
    for (place, codes) in codes.enumerated() {
      all[place].codes = Elements<Int32>.shared(codes).withUnsafeBufferPointer { Array($0) }
    }
    let table = CSVTable(
      header: header, columns: columns, numbers: RowBuffer(width: columns.count, rows: total, memory),
      names: all, hasGaps: hasGaps, end: 0)
    if hasGaps { try close(gaps, table) }
    return table
  }

  /// The first process closes the gaps for all.
  private func close(_ gaps: DataSpecification.GapPolicy, _ table: CSVTable) throws(Failure) {
    let kept = try group.share { () throws(Failure) in
      guard group.index == 0 else { return [] }
      var table = table
      try table.closeGaps(gaps)
      var writer = ByteWriter()
      for record in table.records ?? [] { writer.add(record) }
      return writer.bytes
    }
    guard group.index > 0, !kept[0].isEmpty else { return }
    var reader = ByteReader(kept[0])
    table.forget(allBut: (0..<kept[0].count / 8).map { _ in reader.int() })
  }
}

extension InputFile {
  /// Lets go of an unfinished line at the end of the bytes held.
  mutating func endAtLine() {
    var end = count
    // Of CR LF the LF might be missing.
    while end > 0, padded[end - 1] != newline && (padded[end - 1] != carriageReturn || end == count) {
      end -= 1
    }
    shorten(to: end)
  }

  /// Where a line begins after the first line end held; nil where none does.
  fileprivate func secondLine() -> Int? {
    guard let end = padded[..<count].firstIndex(where: { $0 == newline || $0 == carriageReturn }) else {
      return nil
    }
    return padded[end] == carriageReturn && padded[end + 1] == newline && end + 1 < count ? end + 2 : end + 1
  }
}
