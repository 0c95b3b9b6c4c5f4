import Batches
import Dataset
import Diagnostics
import TestSupport
import Testing

@Suite("Pairs of source and target", .tags(.fast)) struct PairTests {
  static let text = "cat\tK AE T\nat\tAE T\n\nattack\tAH T AE K\r\na\tAH"

  private func load(_ text: String, _ change: (inout DataSpecification) -> Void = { _ in }) throws
    -> LoadedData
  {
    let folder = try TemporaryFolder()
    var specification = DataSpecification(format: .pairs, path: try folder.write("d.tsv", text))
    specification.targetTokens = .word
    change(&specification)
    do { return try LoadedData(specification) } catch {
      throw Failure(error.kind, error.message.replacing(folder.path + "/", with: ""))
    }
  }

  @Test func `targets are shifted after their begin`() throws {
    let data = try load(Self.text)
    #expect(data.vocabulary == ["a", "c", "k", "t"])
    // The end, then by frequency and bytes.
    #expect(data.classNames == ["<eos>", "AE", "T", "AH", "K"])
    #expect(data.shape.vocabulary == 4 && data.shape.target == .classes(count: 5))
    #expect(data.shape.steps == 5 && data.shape.sourceSteps == 6 && data.shape.hasTargetPerStep)
    let set = try #require(data.train?.pairs)
    #expect(set.count == 4 && (0..<4).map { set.length(of: $0) } == [4, 3, 5, 2])
    #expect((0..<4).map { set.source(of: $0).count } == [3, 2, 6, 1])
    #expect(set.source(of: 0) == [1, 0, 3] && set.target(of: 0) == [4, 1, 2])
    let batch = set.arrays([0, 1])
    #expect(batch.tokens == [0, 0, 4, 1, 1, 2, 2] && batch.classes == [4, 1, 1, 2, 2, 0, 0])
    #expect(batch.sources == [1, 0, 0, 3, 3])
  }

  @Test func `are split, and kept in files of their own`() throws {
    let data = try load(Self.text) {
      $0.split.train = .count(2)
      $0.split.test = .rest
    }
    #expect(data.train!.pairs!.source(of: 1) == [0, 3])
    #expect(data.test!.pairs!.source(of: 1) == [0] && data.test!.length(of: 0) == 5)
    let folder = try TemporaryFolder()
    var specification = DataSpecification(format: .pairs, path: try folder.write("a.tsv", "ab\tx\n"))
    specification.testPath = try folder.write("b.tsv", "bc\txyz")
    let files = try LoadedData(specification)
    #expect(files.vocabulary == ["a", "b", "c"] && files.classNames == ["<eos>", "x", "y", "z"])
    #expect(files.test!.pairs!.target(of: 0) == [1, 2, 3] && files.shape.steps == 4)
    // A checkpoint's vocabularies hold for any file.
    let again = try LoadedData(
      specification, classNames: ["<eos>", "z", "y", "x"], vocabulary: ["c", "b", "a"])
    #expect(again.test!.pairs!.target(of: 0) == [3, 2, 1])
    #expect(
      message(folder) {
        _ = try LoadedData(specification, classNames: ["<eos>", "x"], vocabulary: ["a", "b", "c"])
      }
        == "b.tsv, line 1: 'y' is not among the 2 known tokens")
  }

  @Test func `lines that can't be answered are kept where targets are optional`() throws {
    let folder = try TemporaryFolder()
    var specification = DataSpecification(
      format: .pairs, path: try folder.write("d.tsv", "\nab\n \nax\tq\nb\n\n"))
    (specification.areTargetsOptional, specification.targetTokens) = (true, .word)
    let data = try LoadedData(specification, classNames: ["<eos>", "q"], vocabulary: ["a", "b", " "])
    #expect(data.train?.count == 3)
    #expect(data.unanswered.map(\.line) == [1, 4, 6] && data.unanswered.map(\.samplesBefore) == [0, 2, 3])
    #expect(data.unanswered.map(\.unknown) == [nil, "x", nil] && data.unanswered[1].source == "ax")
    specification.path = try folder.write("e.tsv", "\n")
    let empty = try LoadedData(specification, classNames: ["<eos>", "q"], vocabulary: ["a"])
    #expect(empty.train == nil && empty.unanswered.count == 1)
  }

  @Test func `bad lines are named`() {
    #expect(message { _ = try load("") } == "d.tsv: has no pairs")
    #expect(
      message { _ = try load("a\tb\nno tab") }
        == "d.tsv, line 2: needs a source, one tab and a target, but has 0 tabs")
    #expect(message { _ = try load("a\tb\tc") }.hasSuffix("but has 2 tabs"))
    #expect(message { _ = try load("a\t") } == "d.tsv, line 1: the target is empty")
    #expect(message { _ = try load("\tb") } == "d.tsv, line 1: the source is empty")
    #expect(message { _ = try load("a\tb") { $0.tokens = .byte } }.hasPrefix("data.tokens: pairs are"))
    #expect(message { _ = try load("a\tb") { $0.window = 2 } } == "data.window is for csv, not for pairs")
  }
}
