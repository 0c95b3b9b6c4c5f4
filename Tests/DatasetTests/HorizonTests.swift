import Batches
import Dataset
import Diagnostics
import TestSupport
import Testing

@Suite("Several horizons and a target for each step", .tags(.fast)) struct HorizonTests {
  /// Column a counts the rows, b is a hundred times that.
  private func load(_ change: (inout DataSpecification) -> Void) throws -> LoadedData {
    let folder = try TemporaryFolder()
    let lines = (0..<12).map { "\($0),\(100 * $0),\($0 % 2 == 0 ? "even" : "odd")" }
    var specification = DataSpecification(
      format: .csv, path: try folder.write("d.csv", (["a,b,c"] + lines).joined(separator: "\n")))
    (specification.features, specification.targets, specification.window) = (["a"], ["a", "b"], 3)
    change(&specification)
    return try LoadedData(specification)
  }

  @Test func `all targets of a horizon stand before those of the next`() throws {
    let data = try load { $0.horizons = [1, 2, 5] }
    #expect(data.shape.target == .values(width: 6) && !data.shape.hasTargetPerStep)
    #expect(data.targetNames == ["a+1", "b+1", "a+2", "b+2", "a+5", "b+5"])
    let train = try #require(data.train)
    #expect(train.count == 12 - 3 - 5 + 1)
    let batch = train.arrays([0, 4])
    #expect(batch.inputs == [0, 4, 1, 5, 2, 6])
    #expect(batch.values == [3, 300, 4, 400, 7, 700, 7, 700, 8, 800, 11, 1100])
    #expect(data.rows == [3, 4, 5, 6, 7])
  }

  @Test func `a target has one scale at all horizons, fitted as far as training sees`() throws {
    let data = try load {
      ($0.horizons, $0.scale) = ([1, 3], .minmax)
      $0.split = .init(train: .count(2), test: .rest)
    }
    let scaler = try #require(data.scaler)
    #expect(scaler.targets.count == 4 && scaler.targets[0] == scaler.targets[2])
    // Training sees rows 0 to 6: its second window ends at row 3, three rows before its last target.
    #expect(scaler.targets[0] == .init(offset: 0, scale: 1 / 6.0) && scaler.features[0] == scaler.targets[0])
    #expect(data.test!.arrays([0]).values.first == Float(5 / 6.0))
  }

  @Test func `each step of a window has its target`() throws {
    let data = try load { ($0.horizon, $0.perStep) = (2, true) }
    #expect(data.shape.hasTargetPerStep && data.shape.hasEqualLengths && data.targetNames == ["a", "b"])
    let train = try #require(data.train)
    #expect(train.count == 12 - 3 - 2 + 1)
    let batch = train.arrays([0, 5])
    #expect(batch.inputs == [0, 5, 1, 6, 2, 7])
    #expect(batch.values == [2, 200, 7, 700, 3, 300, 8, 800, 4, 400, 9, 900])
    let several = try load { ($0.horizons, $0.perStep, $0.targets) = ([1, 2], true, ["a"]) }
    #expect(several.train!.arrays([0]).values == [1, 2, 2, 3, 3, 4])
  }

  @Test func `a label has one horizon`() throws {
    let data = try load { ($0.targets, $0.label, $0.perStep, $0.horizon) = ([], "c", true, 1) }
    #expect(data.shape.target == .classes(count: 2) && data.shape.hasTargetPerStep)
    #expect(data.train!.arrays([0]).classes == [1, 0, 1])
    #expect(
      message { _ = try load { ($0.targets, $0.label, $0.horizons) = ([], "c", [1, 2]) } }
        == "data.horizon: a label has one horizon; give one number")
    #expect(message { _ = try load { $0.horizons = [3, 2] } }.contains("an ascending list of numbers"))
    #expect(message { _ = try load { $0.horizons = [1, 10] } }.contains("is longer than its 12 rows"))
  }
}

@Suite("Tagged text", .tags(.fast)) struct TaggedTests {
  private let text = """
    # a remark
    1\tThe\tDET
    2\tdog\tNOUN

    1-2\tCan't\t_
    1\tCa\tAUX
    2\tn't\tPART
    3\tthe\tDET
    4\tdog\tNOUN
    #\t#\tPUNCT


    1\tcat\tX
    """

  private func load(
    _ text: String, tags: [String]? = nil, words: [String]? = nil,
    _ change: (inout DataSpecification) -> Void = { _ in }
  ) throws -> LoadedData {
    let folder = try TemporaryFolder()
    var specification = DataSpecification(format: .tagged, path: try folder.write("d.conllu", text))
    (specification.tokenColumn, specification.tagColumn) = (1, 2)
    change(&specification)
    do { return try LoadedData(specification, classNames: tags, vocabulary: words) } catch {
      throw Failure(error.kind, error.message.replacing(folder.path + "/", with: ""))
    }
  }

  @Test func `sentences are samples, what training did not see is unknown`() throws {
    let data = try load(text) { $0.split = .init(train: .count(2), test: .rest) }
    #expect(data.classNames == ["AUX", "DET", "NOUN", "PART", "PUNCT", "X"])
    #expect(data.vocabulary == ["<unk>", "dog", "#", "Ca", "The", "n't", "the"])
    #expect(data.shape.steps == 5 && data.shape.vocabulary == 7 && data.shape.hasTargetPerStep)
    let train = try #require(data.train)
    #expect(train.count == 2 && train.length(of: 0) == 2 && train.length(of: 1) == 5)
    let batch = train.arrays([1, 0])
    #expect(batch.tokens == [3, 4, 5, 1, 6, 1, 2] && batch.classes == [0, 1, 3, 2, 1, 2, 4])
    #expect(data.test!.arrays([0]).tokens == [0] && data.test!.arrays([0]).classes == [5])
  }

  /// CoNLL-U has remarks in front of sentences, CoNLL-2000 has none.
  @Test func `a number sign is a token where there are no remarks`() throws {
    let plain: (inout DataSpecification) -> Void = { ($0.tokenColumn, $0.tagColumn) = (0, 1) }
    let data = try load("# # B-NP\n5 CD I-NP\n\n# # O\n", plain)
    #expect(
      data.train!.count == 2 && data.classNames == ["#", "CD"] && data.vocabulary == ["<unk>", "#", "5"])
    #expect(
      message { _ = try load("a X\n\n# a remark\nb Y\n", plain) }
        .hasPrefix("d.conllu, line 3: begins with `#`"))
    #expect(
      message { _ = try load("1\ta\tX\n# a remark\n2\tb\tY\n") }.hasPrefix(
        "d.conllu, line 2: begins with `#`"))
    #expect(
      message { _ = try load("# a remark\na X\n", plain) }.hasPrefix("d.conllu, line 1: begins with `#`"))
    #expect(try load("\u{FEFF}# text = a\n# id = 1\n1\ta\tX\n").train!.length(of: 0) == 1)
    // A word that only looks like a range.
    #expect(try load("1-2 X\n3-4 Y\n", plain).train!.length(of: 0) == 2)
  }

  @Test func `a checkpoint's words and tags number another file`() throws {
    let data = try load("1\tdog\tX\n2\tnew\tDET\n", tags: ["DET", "X"], words: ["<unk>", "cat", "dog"])
    #expect(data.train!.arrays([0]).tokens == [2, 0] && data.train!.arrays([0]).classes == [1, 0])
    #expect(
      message { _ = try load("1\tdog\tY\n", tags: ["X"], words: ["<unk>"]) }
        .contains("tag 'Y' of 'dog' is not among the 1 known tags"))
  }

  @Test func `rare words are unknown, the most frequent are kept`() throws {
    #expect(try load(text) { $0.minCount = 2 }.vocabulary == ["<unk>", "dog"])
    #expect(try load(text) { $0.vocabulary = 3 }.vocabulary.count == 3)
  }

  @Test func `blanks set columns apart where there is no tab, errors name the line`() throws {
    let data = try load("a B\nb  C\n") { ($0.tokenColumn, $0.tagColumn) = (0, 1) }
    #expect(data.classNames == ["B", "C"])
    #expect(
      message { _ = try load("a B\nb\n") { $0.tokenColumn = 0 } }.hasPrefix("d.conllu, line 1: has 2 columns")
    )
    #expect(message { _ = try load("\n# x\n") } == "d.conllu: has no tokens")
    // U+00A0 is no blank, and U+2028 ends no line.
    let odd = try load("a\u{A0}b X\u{2028}Y\n") { ($0.tokenColumn, $0.tagColumn) = (0, 1) }
    #expect(odd.vocabulary == ["<unk>", "a\u{A0}b"] && odd.classNames == ["X\u{2028}Y"])
    #expect(message { _ = try load(text) { $0.tagColumn = 1 } }.contains("two different columns"))
  }
}
