import Dataset

/// What readers of tokens have in common: half of the inputs are read with the vocabulary of another file, as `evaluate` does.
private struct TokenFile {
  let scratch: Scratch
  /// A vocabulary, and how to read.
  let known: LoadedData
  let specifications: [DataSpecification]

  init(_ scratch: Scratch, _ first: [UInt8], _ specifications: [DataSpecification]) throws {
    self.scratch = scratch
    let path = try scratch.write("tokens", first)
    self.specifications = specifications.map { other in
      var specification = other
      specification.path = path
      return specification
    }
    known = try LoadedData(self.specifications[0])
  }

  func read(_ bytes: [UInt8]) throws -> Int {
    try scratch.write("tokens", bytes)
    let way = choice(bytes, of: specifications.count + 1)
    guard way < specifications.count else {
      return try LoadedData(
        specifications[0], classNames: known.classNames, vocabulary: known.vocabulary
      ).used()
    }
    return try LoadedData(specifications[way]).used()
  }
}

struct TextFuzz: FuzzedReader {
  static let name = "text"
  private let file: TokenFile

  init(_ scratch: Scratch) throws {
    var characters = DataSpecification(format: .text, path: "")
    (characters.sequenceLength, characters.minCount) = (5, 2)
    characters.split = .init(train: .fraction(0.5), test: .rest)
    var words = characters
    (words.tokens, words.minCount) = (.word, 2)
    var few = words
    (few.minCount, few.vocabulary, few.split) = (1, 4, .init())
    var bytes = characters
    (bytes.tokens, bytes.sequenceLength) = (.byte, 100_000)
    file = try TokenFile(scratch, Self.texts[0], [characters, words, few, bytes])
  }

  private static let texts = [
    "the cat sat on the mat\nthe dog sat too\n", "a a a a a b\n\nb c <unk> <eos> d\n",
    "Ĳzer ñ 😀 e\u{301}\r\nß\ttab\u{2028}end", "x\ny\nz\n",
  ].map { Array($0.utf8) }
  var seeds: [[UInt8]] { Self.texts }
  var words: [String] {
    [
      "the", " ", "  ", "\t", "\r\n", "\u{2028}", "\u{85}", "<unk>", "<eos>", "\u{FEFF}", "\u{301}", "😀",
      "\0",
    ]
  }
  func read(_ bytes: [UInt8]) throws -> Int { try file.read(bytes) }
}

struct PairsFuzz: FuzzedReader {
  static let name = "pairs"
  private let file: TokenFile

  init(_ scratch: Scratch) throws {
    var characters = DataSpecification(format: .pairs, path: "")
    (characters.targetTokens, characters.minCount) = (.word, 2)
    var words = characters
    (words.tokens, words.targetTokens, words.minCount) = (.word, nil, 1)
    words.split = .init(train: .fraction(0.5), test: .rest)
    file = try TokenFile(scratch, Self.pairs[0], [characters, words])
  }

  private static let pairs = [
    "cat\tK AE T\ndog\tD AO G\ncats\tK AE T S\n", "the cat\tdie katze\nthe dog\tder hund\nthe\tder\n\n",
    "é😀\tx\r\ny\t<eos> <unk>\n",
  ].map { Array($0.utf8) }
  var seeds: [[UInt8]] { Self.pairs }
  var words: [String] {
    ["\t", "\t\t", "cat\tK", " ", "\r\n", "\u{2028}", "<unk>", "<eos>", "\u{FEFF}", "\u{301}", "😀", "a\tb\n"]
  }
  func read(_ bytes: [UInt8]) throws -> Int { try file.read(bytes) }
}

struct TaggedFuzz: FuzzedReader {
  static let name = "tagged"
  private let file: TokenFile

  init(_ scratch: Scratch) throws {
    var plain = DataSpecification(format: .tagged, path: "")
    plain.split = .init(train: .fraction(0.5), test: .rest)
    var conll = DataSpecification(format: .tagged, path: "")
    (conll.tokenColumn, conll.tagColumn, conll.minCount) = (1, 3, 2)
    var few = plain
    (few.vocabulary, few.split, few.tagColumn) = (3, .init(), 0)
    file = try TokenFile(scratch, Self.sentences[0], [plain, conll, few])
  }

  private static let sentences = [
    "the\tDET\ncat\tNOUN\n\nthe\tDET\ndog\tNOUN\nran\tVERB\n\n",
    "# text = the cat\n1-2\tthe cat\t_\t_\n1\tthe\tthe\tDET\n2\tcat\tcat\tNOUN\n2.1\t_\t_\t_\n\n1\tsee\tsee\tVERB\n",
    "a X\nb  Y\n\n\nc X\n", "#\tPUNCT\na\tX\r\n\r\nb\t10\nc\t9\n",
    // Sentences that every way of reading takes.
    "1\tthe\tthe\tDET\n2\tcat\tcat\tNOUN\n\n1\tsee\tsee\tVERB\n",
    "1 the the DET\n2 the dog NOUN\n3 # ran VERB\n\n1 the see VERB\n",
  ].map { Array($0.utf8) }
  var seeds: [[UInt8]] { Self.sentences }
  var words: [String] {
    [
      "\t", "\t_\t", "# ", "#", "1-2", "8.1", "\n\n", "\r\n", "NOUN", "the", " ", "_", "\u{2028}", "\u{301}",
      "١",
    ]
  }
  func read(_ bytes: [UInt8]) throws -> Int { try file.read(bytes) }
}

/// CSV whose rows name the sequence they belong to.
struct GroupedFuzz: FuzzedReader {
  static let name = "grouped"
  private let path: String
  private let scratch: Scratch

  init(_ scratch: Scratch) throws {
    self.scratch = scratch
    path = scratch("d.csv")
  }

  var seeds: [[UInt8]] {
    [
      "g,a,b,k\nx,1,2,p\nx,3,4,q\ny,5,6,p\nz,7,8,q\nz,9,1,q\nz,2,3,p\n",
      "k,b,a,g\n" + (0..<12).map { "c\($0 % 2),\($0),0.\($0),\"s \($0 / 4)\"" }.joined(separator: "\n"),
      "g,a,b,k\n,1,2,p\n,3,4,p\nx,5,6,q\n",
    ].map { Array($0.utf8) }
  }
  var words: [String] { ["x", "y", "z", "g", "a", "k", ",,", "\"\"", "\r\n", ";", "x,", "\u{FEFF}"] }

  private static let specifications: [DataSpecification] = {
    var classes = DataSpecification(format: .csv, path: "")
    (classes.features, classes.label, classes.group) = (["a", "b"], "k", "g")
    var values = DataSpecification(format: .csv, path: "")
    (values.features, values.targets, values.group, values.scale) = (["a"], ["b"], "g", .standard)
    values.split = .init(train: .rest, test: .count(1))
    var steps = values
    (steps.perStep, steps.gaps, steps.scale) = (true, .drop, .minmax)
    var other = classes
    (other.gaps, other.perStep) = (.drop, true)
    return [classes, values, steps, other]
  }()

  func read(_ bytes: [UInt8]) throws -> Int {
    try scratch.write("d.csv", bytes)
    var specification = Self.specifications[choice(bytes, of: Self.specifications.count)]
    specification.path = path
    return try LoadedData(specification).used()
  }
}

/// CSV whose rows are texts.
struct TextRowFuzz: FuzzedReader {
  static let name = "texts"
  private let path: String
  private let scratch: Scratch

  init(_ scratch: Scratch) throws {
    self.scratch = scratch
    path = scratch("d.csv")
  }

  var seeds: [[UInt8]] {
    [
      "text,kind,score\n\"good, very \"\"good\"\"\",a,1\nbad,b,2.5\nso so,a,3\n",
      "score,text,kind\r\n" + (0..<9).map { "\($0),w\($0 % 4) x,k\($0 % 3)" }.joined(separator: "\r\n"),
      "text,kind,score\nwörd \u{301}x,a,1\n\"two\nlines\",b,0\n",
    ].map { Array($0.utf8) }
  }
  var words: [String] {
    ["text", "kind", "score", "\"\"", ",,", "\r\n", " ", "\n", "a", "b", "\u{FEFF}", "é"]
  }

  private static let specifications: [DataSpecification] = {
    var classes = DataSpecification(format: .csv, path: "")
    (classes.text, classes.label, classes.tokens, classes.vocabulary) = ("text", "kind", .word, 3)
    classes.split = .init(train: .rest, validation: .count(1))
    var values = DataSpecification(format: .csv, path: "")
    (values.text, values.targets, values.tokens, values.scale) = ("text", ["score"], .byte, .standard)
    values.gaps = .drop
    var letters = values
    (letters.tokens, letters.scale) = (.char, .none)
    return [classes, values, letters]
  }()

  func read(_ bytes: [UInt8]) throws -> Int {
    try scratch.write("d.csv", bytes)
    var specification = Self.specifications[choice(bytes, of: Self.specifications.count)]
    specification.path = path
    return try LoadedData(specification).used()
  }
}
