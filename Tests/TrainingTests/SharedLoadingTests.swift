import Collective
import Dataset
import Diagnostics
import Foundation
import TestSupport
import Testing
import Training

/// Several processes that load the same files together have what one has: samples, scaler, names, fingerprint, errors.
@Suite(.tags(.fast)) struct SharedLoadingTests {
  private let scratch = Scratch()

  /// What a process has after loading.
  private struct Outcome: Equatable {
    var scaler: Scaler?
    var fingerprint: String
    var classNames: [String]
    var rows: [Int]?
    var inputs: [[UInt32]] = []
    var values: [[UInt32]] = []
    var classes: [[Int32]] = []
    var tokens: [[Int32]] = []

    init(_ data: LoadedData) {
      (scaler, fingerprint, classNames, rows) = (data.scaler, data.fingerprint, data.classNames, data.rows)
      for set in [data.train, data.validation, data.test] {
        guard let set else { continue }
        let arrays = set.arrays()
        inputs.append(arrays.inputs.map(\.bitPattern))
        values.append(arrays.values.map(\.bitPattern))
        classes.append(arrays.classes)
        tokens.append(arrays.tokens)
      }
    }
  }

  private func result(_ specification: DataSpecification, _ peers: LoadingPeers?) -> Result<Outcome, Failure>
  {
    do throws(Failure) { return .success(Outcome(try LoadedData(specification, peers: peers))) } catch {
      return .failure(error)
    }
  }

  /// Loads with 2, 3 and 5 processes, and expects what one process has.
  private func expectTheSame(_ specification: DataSpecification, fails: Bool = false) throws {
    let alone = result(specification, nil)
    switch alone {
    case .success: #expect(!fails)
    case .failure(let failure): #expect(fails, "\(failure)")
    }
    for ranks in [2, 3, 5] {
      let all = try Threaded.withRanks(ranks) { group in
        self.result(specification, Self.eager(group))
      }
      for result in all { #expect(result == alone, "\(ranks) ranks") }
    }
  }

  private func csv(_ text: String) throws -> DataSpecification {
    let path = scratch("data.csv")
    try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    var specification = DataSpecification(format: .csv, path: path)
    specification.features = ["a", "b"]
    return specification
  }

  private static func numbers(_ rows: Int) -> [[String]] {
    (0..<rows).map { row in
      ["\(sin(Double(row)))", "\(Double(row % 17) / 3)", ["low", "high", "\"none, or\nfew\""][row * 7 % 3]]
    }
  }

  private static func text(_ rows: [[String]], end: String = "\n") -> String {
    ([["a", "b", "label"]] + rows).map { $0.joined(separator: ",") }.joined(separator: end) + end
  }

  @Test(arguments: ["\n", "\r\n", "\r"]) func csvOfNumbers(end: String) throws {
    var specification = try csv(Self.text(Self.numbers(211), end: end))
    specification.targets = ["b"]
    specification.scale = .standard
    specification.window = 4
    specification.horizon = 1
    specification.split = .init(train: .count(120), validation: .count(30), test: .rest)
    try expectTheSame(specification)
  }

  /// Line ends in quotes mislead every guess where a row begins.
  @Test func csvWithLineEndsInQuotes() throws {
    let long = "\"" + (0..<40).map { "line \($0), 1\n2,3,x\n" }.joined() + "\""
    var rows = Self.numbers(60)
    for row in stride(from: 3, to: 60, by: 11) { rows[row][2] = long }
    var specification = try csv(Self.text(rows))
    specification.label = "label"
    specification.scale = .minmax
    specification.split = .init(train: .fraction(0.5), test: .rest)
    try expectTheSame(specification)
  }

  @Test(arguments: [DataSpecification.GapPolicy.drop, .linear, .previous])
  func csvWithGaps(policy: DataSpecification.GapPolicy) throws {
    var rows = Self.numbers(150)
    for row in [20, 21, 22, 74, 75, 76, 110] { rows[row][row % 2] = "" }
    var specification = try csv(Self.text(rows))
    specification.targets = ["a"]
    specification.gaps = policy
    specification.window = 3
    try expectTheSame(specification)
  }

  /// The first error of the file, with its line, whoever met it.
  @Test(arguments: ["x", "", "1e999", "\"open"]) func csvThatIsWrong(field: String) throws {
    var rows = Self.numbers(150)
    for row in [83, 130] { rows[row][1] = field }
    var specification = try csv(Self.text(rows))
    specification.targets = ["a"]
    try expectTheSame(specification, fails: true)
  }

  @Test func csvWithLinesMissing() throws {
    for text in [
      Self.text(Self.numbers(50)) + "\n\n\n" + "1,2,low\n", Self.text(Self.numbers(50)) + "1,2\n",
      "a,b,label\n", "", "a,b,label\n1,2,low\n\n\n",
    ] {
      var specification = try csv(text)
      specification.targets = ["a"]
      try expectTheSame(specification, fails: !text.hasSuffix("low\n\n\n"))
    }
  }

  /// Series, whose rows each process sorts: what comes of them is held once.
  @Test(arguments: [DataSpecification.ScalePer.all, .series], [false, true])
  func csvOfSeries(scales: DataSpecification.ScalePer, isWrong: Bool) throws {
    var rows = Self.numbers(90)
    for row in 0..<90 { rows[row][2] = "s\(row * 5 % 4)" }
    if isWrong { rows[71][0] = "1e300" }
    var specification = try csv(Self.text(rows))
    specification.targets = ["b"]
    specification.series = ["label"]
    (specification.window, specification.horizons) = (3, [1, 2])
    (specification.scale, specification.scalePer) = (isWrong ? .none : .standard, isWrong ? .all : scales)
    specification.split = .init(train: .fraction(0.7), test: .rest)
    try expectTheSame(specification, fails: isWrong)
  }

  @Test func csvOfSequences() throws {
    var rows = Self.numbers(90)
    for row in 0..<90 { rows[row][2] = "s\(row / 7)" }
    var specification = try csv(Self.text(rows))
    specification.targets = ["b"]
    specification.group = "label"
    specification.scale = .minmax
    let alone = try LoadedData(specification)
    let all = try Threaded.withRanks(3) { [specification] group in
      try LoadedData(specification, peers: Self.eager(group))
    }
    for data in all {
      #expect(data.fingerprint == alone.fingerprint && data.scaler == alone.scaler)
      #expect(data.train?.count == alone.train?.count && data.shape == alone.shape)
    }
  }

  /// Peers that divide even the smallest file.
  private static func eager(_ group: any Communicator) -> LoadingPeers? {
    var peers = group.loadingPeers
    peers?.sharedFrom = 1
    return peers
  }

  private func npy(_ name: String, _ type: String, _ shape: String, _ bytes: [UInt8]) throws -> String {
    let head = "{'descr': '\(type)', 'fortran_order': False, 'shape': \(shape), }\n"
    var file: [UInt8] = [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(head.utf8.count), 0] + Array(head.utf8)
    file += bytes
    let path = scratch(name)
    try Data(file).write(to: URL(fileURLWithPath: path))
    return path
  }

  @Test(arguments: [false, true]) func npy(isWrong: Bool) throws {
    var numbers = (0..<300).map { Float(sin(Double($0))) }
    if isWrong { numbers[187] = .nan }
    let bytes = numbers.flatMap { number in withUnsafeBytes(of: number.bitPattern.littleEndian) { Array($0) }
    }
    var specification = DataSpecification(
      format: .npy, path: try npy("x.npy", "<f4", "(50, 3, 2)", bytes))
    specification.labelsPath = try npy("y.npy", "|u1", "(50,)", (0..<50).map { UInt8($0 % 4) })
    specification.scale = .standard
    specification.split = .init(train: .count(30), test: .rest)
    try expectTheSame(specification, fails: isWrong)
  }

  /// The same array in one file, in shards that are held, and in shards that stay where they are.
  @Test(arguments: [nil, 1 << 30, 1], [false, true]) func npyShards(memory: Int?, isWrong: Bool) throws {
    var numbers = (0..<300).map { Float(sin(Double($0))) }
    if isWrong { numbers[187] = .nan }
    var specification = DataSpecification(format: .npy, path: scratch("x-*.npy"))
    specification.labelsPath = scratch("y-*.npy")
    for (number, samples) in [0..<7, 7..<40, 40..<41, 41..<50].enumerated() {
      let own = numbers[samples.lowerBound * 6..<samples.upperBound * 6]
      _ = try npy("x-\(number).npy", "<f4", "(\(samples.count), 3, 2)", ArrayFiles.bytes(Array(own)))
      _ = try npy("y-\(number).npy", "|u1", "(\(samples.count),)", samples.map { UInt8($0 % 4) })
    }
    specification.scale = .standard
    specification.split = .init(train: .count(30), test: .rest)
    specification.memory = memory
    // What stays in its files is looked at where it is read; a scale is fitted on training, which is before it.
    let isFound = isWrong && memory != 1
    if isWrong, !isFound { return }
    try expectTheSame(specification, fails: isFound)
    var one = specification
    one.path = try npy("all.npy", "<f4", "(50, 3, 2)", ArrayFiles.bytes(numbers))
    one.labelsPath = try npy("labels.npy", "|u1", "(50,)", (0..<50).map { UInt8($0 % 4) })
    if isWrong { return }
    var whole = try result(one, nil).get()
    let shards = try result(specification, nil).get()
    whole.fingerprint = shards.fingerprint
    #expect(whole == shards)
  }

  @Test(arguments: [DataSpecification.Tokens.char, .word, .byte], ["\n", "\r\n", " \n\n\t"])
  func text(tokens: DataSpecification.Tokens, end: String) throws {
    let words = ["in", "the", "beginning", "was", "ä", "wörd", "日本語", "😀", "e\u{301}", "\u{b}"]
    let lines = (0..<40).map { line in
      (0..<line % 5).map { words[(line * 7 + $0 * 3) % words.count] }.joined(
        separator: line % 3 == 0 ? "\t" : "  ")
    }
    for text in [
      lines.joined(separator: end), lines.joined(separator: end) + end, "\u{feff}a b", "😀😀", "wörd ",
    ] {
      let path = scratch("text.txt")
      try Data(text.utf8).write(to: URL(fileURLWithPath: path))
      var specification = DataSpecification(format: .text, path: path)
      (specification.tokens, specification.sequenceLength) = (tokens, 5)
      let isShort = tokens == .word && text == "\u{feff}a b"
      if !isShort { specification.split = .init(train: .rest) }
      try expectTheSame(specification)
    }
  }

  @Test func textThatIsWrong() throws {
    let path = scratch("text.txt")
    let text = Array((0..<200).map { "line \($0)\n" }.joined().utf8)
    var specification = DataSpecification(format: .text, path: path)
    for place in [0, 700, text.count - 1] {
      var bytes = text
      bytes[place] = 0xFF
      try Data(bytes).write(to: URL(fileURLWithPath: path))
      for tokens in [DataSpecification.Tokens.char, .word] {
        specification.tokens = tokens
        try expectTheSame(specification, fails: true)
      }
    }
  }

  @Test func idx() throws {
    for (name, count) in [("train", 40), ("t10k", 10)] {
      let images: [UInt8] = [0, 0, 8, 3, 0, 0, 0, UInt8(count), 0, 0, 0, 3, 0, 0, 0, 2]
      let labels: [UInt8] = [0, 0, 8, 1, 0, 0, 0, UInt8(count)]
      try Data(images + (0..<count * 6).map { UInt8($0 % 251) }).write(
        to: URL(fileURLWithPath: scratch("\(name)-images-idx3-ubyte")))
      try Data(labels + (0..<count).map { UInt8($0 % 10) }).write(
        to: URL(fileURLWithPath: scratch("\(name)-labels-idx1-ubyte")))
    }
    try expectTheSame(DataSpecification(format: .idx, path: scratch("")))
  }

  @Test func filesThatDifferAreNamed() throws {
    var specifications: [DataSpecification] = []
    for text in [Self.text(Self.numbers(10)), Self.text(Self.numbers(11))] {
      var specification = try csv(text)
      specification.targets = ["a"]
      let path = scratch("data\(specifications.count).csv")
      try FileManager.default.moveItem(atPath: specification.path, toPath: path)
      specification.path = path
      specifications.append(specification)
    }
    let all = try Threaded.withRanks(2) { [specifications] group in
      self.result(specifications[group.rank], group.loadingPeers)
    }
    for result in all {
      guard case .failure(let failure) = result else {
        Issue.record("no error")
        continue
      }
      #expect(failure.kind == .badData && failure.message.contains("rank 1"), "\(failure)")
    }
  }
}
