import Diagnostics

/// The tokens of pieces of a text, numbered as they first come.
struct TokenTable {
  private let kind: DataSpecification.Tokens
  /// char: the number of each code point and one more; 0 where it has none. As long as the largest one needs.
  private var numbers: [Int32] = []
  private var scalars: [UInt32] = []
  /// word.
  private var words = NameTable()

  init(_ kind: DataSpecification.Tokens) { self.kind = kind }

  /// Different tokens.
  var count: Int {
    switch kind {
    case .byte: 256
    case .char: scalars.count
    case .word: words.count
    }
  }

  /// The bytes of each token.
  var names: [[UInt8]] {
    switch kind {
    case .byte: (0..<256).map { Array("\($0)".utf8) }
    case .char: scalars.map { Array(String(Unicode.Scalar($0)!).utf8) }
    case .word: (0..<words.count).map { Array(words[$0]) }
    }
  }

  /// Calls `body` with the number of each token and where in the piece it begins; words are followed by the ends of their lines.
  /// - piece: UTF-8, unless tokens are bytes.
  /// - endsLine: whether a line ends with the piece.
  @inline(__always)
  mutating func forEach<E: Error>(
    in piece: UnsafeBufferPointer<UInt8>, endsLine: Bool,
    _ body: (_ number: Int, _ place: Int) throws(E) -> Void
  ) throws(E) {
    switch kind {
    case .byte: for place in piece.indices { try body(Int(piece[place]), place) }
    case .char: try forEachScalar(in: piece, body)
    case .word: try forEachWord(in: piece, endsLine: endsLine, body)
    }
  }

  @inline(__always)
  private mutating func forEachScalar<E: Error>(
    in piece: UnsafeBufferPointer<UInt8>, _ body: (Int, Int) throws(E) -> Void
  ) throws(E) {
    var place = 0
    while place < piece.count {
      let start = place
      let scalar = Self.scalar(piece, &place)
      if scalar >= numbers.count || numbers[scalar] == 0 { add(scalar) }
      try body(Int(numbers[scalar]) - 1, start)
    }
  }

  private mutating func add(_ scalar: Int) {
    let block = 1024
    if scalar >= numbers.count {
      numbers += [Int32](repeating: 0, count: (scalar / block + 1) * block - numbers.count)
    }
    scalars.append(UInt32(scalar))
    numbers[scalar] = Int32(scalars.count)
  }

  /// The code point that begins there, in what is known to be UTF-8.
  @inline(__always)
  private static func scalar(_ bytes: UnsafeBufferPointer<UInt8>, _ place: inout Int) -> Int {
    let first = Int(bytes[place])
    place += 1
    if first < 0x80 { return first }
    let more = first < 0xE0 ? 1 : first < 0xF0 ? 2 : 3
    var scalar = first & (0x3F >> more)
    for _ in 0..<more {
      scalar = scalar << 6 | Int(bytes[place]) & 0x3F
      place += 1
    }
    return scalar
  }

  @inline(__always)
  private mutating func forEachWord<E: Error>(
    in piece: UnsafeBufferPointer<UInt8>, endsLine: Bool, _ body: (Int, Int) throws(E) -> Void
  ) throws(E) {
    var start = 0
    for place in piece.indices {
      let byte = piece[place]
      if byte > space { continue }
      guard byte == space || byte == tab || byte == newline || byte == carriageReturn else { continue }
      if start < place { try body(insert(piece, start..<place), start) }
      start = place + 1
      // The line feed after it ends the line.
      let isPair = byte == carriageReturn && start < piece.count && piece[start] == newline
      if byte == newline || byte == carriageReturn && !isPair { try body(insertLineEnd(), place) }
    }
    if start < piece.count { try body(insert(piece, start..<piece.count), start) }
    if endsLine { try body(insertLineEnd(), piece.count) }
  }

  private mutating func insert(_ piece: UnsafeBufferPointer<UInt8>, _ word: Range<Int>) -> Int {
    Int(words.insert(UnsafeBufferPointer(rebasing: piece[word])))
  }

  private mutating func insertLineEnd() -> Int {
    var end = Vocabulary.endOfLine
    return end.withUTF8 { Int(words.insert($0)) }
  }
}
