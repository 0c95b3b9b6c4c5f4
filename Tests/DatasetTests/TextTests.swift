import Batches
import Dataset
import Diagnostics
import TestSupport
import Testing

@Suite("Text", .tags(.fast)) struct TextTests {
  private func load(_ text: String, names: [String]? = nil, _ change: (inout DataSpecification) -> Void)
    throws
    -> LoadedData
  {
    let folder = try TemporaryFolder()
    var specification = DataSpecification(format: .text, path: try folder.write("d.txt", text))
    change(&specification)
    do { return try LoadedData(specification, classNames: names) } catch {
      throw Failure(error.kind, error.message.replacing(folder.path + "/", with: ""))
    }
  }

  @Test func `characters are code points in order`() throws {
    let data = try load("bäb\na") { $0.sequenceLength = 3 }
    #expect(data.classNames == ["\n", "a", "b", "ä"])
    #expect(
      data.shape.vocabulary == 4 && data.shape.target == .classes(count: 4) && data.shape.hasTargetPerStep)
    let batch = data.train!.arrays([0, 1])
    #expect(batch.tokens == [2, 0, 3, 2] && batch.classes == [3, 1, 2, 0])
    #expect(data.train!.count == 2 && data.train!.length(of: 1) == 1)
  }

  @Test func `bytes need no vocabulary`() throws {
    let data = try load("ä!") { ($0.tokens, $0.sequenceLength) = (.byte, 9) }
    #expect(data.classNames.count == 256)
    #expect(data.train!.arrays([0]).tokens == [0xC3, 0xA4] && data.train!.arrays([0]).classes == [0xA4, 33])
  }

  @Test func `words are counted, lines end`() throws {
    let text = "the cat  sat\n\n the\tcat ran\r\nthe end"
    let data = try load(text) { $0.tokens = .word }
    #expect(data.classNames == ["<eos>", "the", "cat", "end", "ran", "sat"])
    #expect(data.train!.arrays([0]).tokens == [1, 2, 5, 0, 0, 1, 2, 4, 0, 1, 3])
    #expect(data.train!.arrays([0]).classes.last == 0)
    let rare = try load(text) { ($0.tokens, $0.minCount) = (.word, 2) }
    #expect(rare.classNames == ["<unk>", "<eos>", "the", "cat"])
    #expect(rare.train!.arrays([0]).tokens == [2, 3, 0, 1, 1, 2, 3, 0, 1, 2, 0])
    let few = try load(text) { ($0.tokens, $0.vocabulary) = (.word, 3) }
    #expect(few.classNames == ["<unk>", "<eos>", "the"])
  }

  @Test func `a checkpoint's vocabulary is kept`() throws {
    let names = ["<unk>", "a", "b", "\n"]
    let data = try load("abxa", names: names) { _ in }
    #expect(data.classNames == names && data.train!.arrays([0]).tokens == [1, 2, 0])
    #expect(
      message { _ = try load("ab\nb?", names: ["a", "b", "\n"]) { _ in } }
        == "d.txt, line 2: '?' is not among the 3 known tokens")
    #expect(
      message { _ = try load("a\nb c", names: ["<eos>", "a", "b"]) { $0.tokens = .word } }
        == "d.txt, line 2: 'c' is not among the 3 known tokens")
  }

  @Test(arguments: [(101, 7, 5), (101, 1, 5), (100, 10, 3), (31, 30, 1), (64, 9, 100), (8, 7, 1)])
  func `streams read every token once, in order`(_ count: Int, _ streams: Int, _ steps: Int) throws {
    let text = String(decoding: (0..<count).map { UInt8($0) }, as: UTF8.self)
    let data = try load(text) { ($0.tokens, $0.sequenceLength) = (.byte, steps) }
    let train = try #require(data.train?.windows)
    for isEven in [false, true] {
      let set = train.arranged(inStreams: streams, isEven: isEven)
      #expect(set.streams?.count == streams && set.pairs == count - 1)
      var read: [[Int32]] = Array(repeating: [], count: streams)
      for sample in 0..<set.count {
        let batch = set.arrays([Int32(sample)])
        #expect(batch.tokens.count == set.length(of: sample) && (1...steps).contains(batch.tokens.count))
        #expect(batch.classes == batch.tokens.map { $0 + 1 })
        read[sample % streams] += batch.tokens
      }
      let whole = isEven ? (count - 1) / streams * streams : count - 1
      #expect(read.flatMap { $0 } == (0..<Int32(whole)).map { $0 })
      #expect(Set(read.map(\.count)).count <= (isEven ? 1 : 2))
      // A whole batch at once is the rows of its samples, step by step.
      let samples = (0..<Int32(min(streams, set.count))).map { $0 }
      let all = set.arrays(samples)
      #expect(all.tokens.prefix(samples.count).elementsEqual(samples.map { set.arrays([$0]).tokens[0] }))
      #expect(all.tokens.count == samples.reduce(0) { $0 + set.length(of: Int($1)) })
    }
  }

  @Test func `parts are consecutive`() throws {
    let data = try load("abcdefghij") {
      $0.split.train = .fraction(0.5)
      $0.split.validation = .count(2)
      $0.split.test = .rest
    }
    #expect(data.classNames.count == 10)
    #expect(data.train!.arrays([0]).tokens == [0, 1, 2, 3] && data.validation!.arrays([0]).classes == [6])
    #expect(data.test!.arrays([0]).tokens == [7, 8])
    let folder = try TemporaryFolder()
    var files = DataSpecification(format: .text, path: try folder.write("a.txt", "abc"))
    files.testPath = try folder.write("b.txt", "cd")
    let both = try LoadedData(files)
    #expect(both.classNames == ["a", "b", "c", "d"] && both.test!.arrays([0]).classes == [3])
    #expect(both.validation == nil)
  }

  @Test func `what can't be read is named`() {
    #expect(message { _ = try load("") { _ in } }.hasPrefix("d.txt"))
    #expect(
      message { _ = try load("a") { _ in } }
        == "d.txt: a part of 1 token has nothing to predict; it needs two at least")
    #expect(
      message { _ = try load("ab") { $0.sequenceLength = 0 } }
        == "data.sequence_length must be at least 1, not 0")
    #expect(
      message { _ = try load("ab") { ($0.tokens, $0.minCount) = (.byte, 2) } }.contains("are not for bytes"))
    #expect(message { _ = try load("ab") { $0.scale = .minmax } } == "data.scale is not for text")
    #expect(
      message { _ = try load("ab") { $0.features = ["x"] } } == "data.features is for csv, not for text")
    let bytes: [UInt8] = [0x61, 0xFF, 0x62]
    #expect(
      message {
        let folder = try TemporaryFolder()
        let path = try folder.write("d.txt", bytes)
        _ = try LoadedData(DataSpecification(format: .text, path: path))
      }.hasSuffix("is not UTF-8 text; use data.tokens: byte"))
  }

  /// U+0340 means the same as U+0300, and é may be one code point or two.
  @Test func `tokens that mean the same but are written differently are different`() throws {
    let text = "a\u{340}a\u{300}\u{e9}e\u{301}\n"
    let characters = try load(text) { $0.tokens = .char }
    #expect(characters.classNames.count == 7)
    let words = try load("\u{e9} e\u{301} \u{e9}\n") { $0.tokens = .word }
    #expect(words.classNames.count == 3)
    let known = Vocabulary(.word, names: words.classNames)
    let found = try known.encode("\u{e9} e\u{301}")
    #expect(found.count == 2 && found[0] != found[1])
  }

  @Test func `a vocabulary writes what it reads`() throws {
    let characters = Vocabulary(.char, names: ["\n", "a", "ä"])
    #expect(try characters.encode("äa\n") == [2, 1, 0])
    #expect(characters.bytes(of: 2, isFirst: false) == Array("ä".utf8))
    let words = Vocabulary(.word, names: ["<eos>", "<unk>", "in", "the"])
    #expect(try words.encode("in the") == [2, 3] && words.encode("the\nbeginning\n") == [3, 0, 1, 0])
    #expect(
      words.bytes(of: 3, isFirst: false) == Array(" the".utf8)
        && words.bytes(of: 3, isFirst: true) == Array("the".utf8))
    #expect(words.bytes(of: 0, isFirst: false) == [10])
    #expect(
      message { _ = try characters.encode("b") } == "the text, line 1: 'b' is not among the 3 known tokens")
  }
}
