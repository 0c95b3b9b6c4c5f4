import Diagnostics
import Files

/// A text cut into tokens. It is read twice, once to count its tokens and once to write them as numbers of a vocabulary, so that memory
/// holds these and nothing else. The processes of a machine read a part each, and have the numbers once.
struct TokenText: TokenSource {
  let file: InputFile
  /// Tokens in all.
  let count: Int
  /// How often each token comes; nothing for bytes.
  let counts: [Name: Int]
  private let pieces: TextPieces
  /// What this process reads.
  private let part: Range<Int>
  /// Which of the tokens are in it.
  private let own: Range<Int>
  /// Its different tokens.
  private let table: TokenTable
  private let group: LoadingGroup?

  /// - group: whose processes read it together where it is large enough.
  /// - isComplete: whether the last line ends where the file does.
  /// - Throws: a `Failure` where characters or words are wanted of what is not UTF-8.
  init(
    _ file: InputFile, _ kind: DataSpecification.Tokens, _ group: LoadingGroup? = nil, isComplete: Bool = true
  ) throws(Failure) {
    let group = group.flatMap { file.size >= $0.sharedFrom ? $0 : nil }
    let pieces = try TextPieces(file, kind, isComplete: isComplete)
    var table = TokenTable(kind)
    var part = 0..<0
    var parts: [TokenCounts] = []
    func read() throws(Failure) -> TokenCounts {
      part = try pieces.part(group?.index ?? 0, of: group?.count ?? 1)
      return try TokenCounts(pieces, part, &table)
    }
    if let group {
      parts = try group.share { () throws(Failure) in try read().bytes }.map { TokenCounts($0) }
    } else {
      parts = [try read()]
    }
    count = parts.reduce(0) { $0 + $1.total }
    if count > Int(Int32.max) { throw TokenCounts.tooMany(file) }
    counts = parts.reduce(into: [:]) { counts, part in
      for (name, count) in zip(part.names, part.counts) { counts[name, default: 0] += count }
    }
    let index = group?.index ?? 0
    let first = parts[..<index].reduce(0) { $0 + $1.total }
    own = first..<first + parts[index].total
    (self.file, self.pieces, self.part, self.table, self.group) = (file, pieces, part, table, group)
  }

  func elements<Element: TokenElement>(_ vocabulary: Vocabulary) throws(Failure) -> Elements<Element> {
    try .made(count, for: "\(file.path): its \(count) tokens need", group, part: own) {
      (_, out) throws(Failure) in
      try write(vocabulary, to: out)
    }
  }

  /// Writes the tokens of the part.
  private func write<Element: TokenElement>(
    _ vocabulary: Vocabulary, to out: UnsafeMutablePointer<Element>
  ) throws(Failure) {
    var table = table
    let names = table.names
    let map = names.map { vocabulary.number(String(decoding: $0, as: UTF8.self)) ?? -1 }
    var next = 0
    try pieces.forEach(in: part) { (piece, start) throws(Failure) in
      try table.forEach(in: piece, endsLine: pieces.endsLine(piece, start)) {
        (token, place) throws(Failure) in
        guard token < map.count, next < own.count else { throw file.changed }
        let number = map[token]
        if number < 0 { throw unknown(names[token], start + place, vocabulary) }
        out[next] = Element(truncatingIfNeeded: number)
        next += 1
      }
    }
    guard next == own.count else { throw file.changed }
  }

  private func unknown(_ name: [UInt8], _ place: Int, _ vocabulary: Vocabulary) -> Failure {
    .badData(
      "\(file.location(line: file.line(ofByte: place))): \(quoted(String(decoding: name, as: UTF8.self))) is not among the \(vocabulary.count) known tokens"
    )
  }
}

/// How often each token comes in a part of a text.
private struct TokenCounts {
  let total: Int
  let names: [Name]
  let counts: [Int]

  init(_ pieces: TextPieces, _ part: Range<Int>, _ table: inout TokenTable) throws(Failure) {
    // Of bytes nothing has to be known but how many there are.
    if pieces.kind == .byte {
      (total, names, counts) = (part.count, [], [])
      if total > Int(Int32.max) { throw Self.tooMany(pieces.file) }
      return
    }
    var counts: [Int] = []
    var total = 0
    try pieces.forEach(in: part) { (piece, start) throws(Failure) in
      table.forEach(in: piece, endsLine: pieces.endsLine(piece, start)) { number, _ in
        if number == counts.count { counts.append(0) }
        counts[number] += 1
        total += 1
      }
      if total > Int(Int32.max) { throw Self.tooMany(pieces.file) }
    }
    (self.total, self.counts) = (total, counts)
    names = table.names.map { Name(String(decoding: $0, as: UTF8.self)) }
  }

  static func tooMany(_ file: InputFile) -> Failure {
    file.failure("its tokens are more than the \(Int32.max) that can be numbered")
  }
}

extension TokenCounts {
  /// As another process reads them.
  var bytes: [UInt8] {
    var writer = ByteWriter()
    writer.add(total)
    writer.add(names.map(\.text))
    for count in counts { writer.add(count) }
    return writer.bytes
  }

  init(_ bytes: [UInt8]) {
    var reader = ByteReader(bytes)
    total = reader.int()
    names = reader.texts().map { Name($0) }
    counts = names.map { _ in reader.int() }
  }
}
