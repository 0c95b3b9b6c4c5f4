import Batches
import Dataset
import Diagnostics
import TestSupport
import Testing

/// CSV whose rows are texts.
@Suite(.tags(.fast)) struct TextRowTests {
  private struct Recorded: Decodable {
    struct Case: Decodable {
      let tokens: String
      let minCount: Int
      let vocabulary: Int?
      let names: [String]
      let rows: [[Int32]]
      let classes: [Int32]
      let scaled: [Double]
    }
    let csv: String
    let train: Int
    let cases: [Case]
  }

  private func specification(_ path: String, _ train: Int) -> DataSpecification {
    var specification = DataSpecification(format: .csv, path: path)
    (specification.text, specification.label) = ("text", "kind")
    specification.split = .init(train: .count(train), test: .rest)
    return specification
  }

  /// Samples one by one: the tokens of each and its target, as Python has them.
  @Test func batchesAreThoseOfPython() throws {
    let recorded: Recorded = try Reference.load("texts.json")
    let folder = try TemporaryFolder()
    var specification = specification(try folder.write("t.csv", recorded.csv), recorded.train)
    #expect(recorded.cases.count == 6)
    for wanted in recorded.cases {
      specification.tokens = try #require(TokenKind(rawValue: wanted.tokens))
      (specification.minCount, specification.vocabulary) = (wanted.minCount, wanted.vocabulary)
      let data = try LoadedData(specification)
      #expect(data.vocabulary == wanted.names && data.classNames == ["bad", "good"])
      #expect(data.shape.vocabulary == wanted.names.count && data.rows == Array(0..<wanted.rows.count))
      var numbers = specification
      (numbers.label, numbers.targets, numbers.scale) = (nil, ["score"], .standard)
      let scores = try LoadedData(numbers)
      #expect(scores.targetNames == ["score"] && scores.classNames.isEmpty)
      for row in 0..<wanted.rows.count {
        let isTrain = row < recorded.train
        let sample = Int32(isTrain ? row : row - recorded.train)
        let found = (isTrain ? data.train : data.test)?.arrays([sample])
        #expect(found?.tokens == wanted.rows[row] && found?.classes == [wanted.classes[row]])
        let scored = (isTrain ? scores.train : scores.test)?.arrays([sample])
        #expect(scored?.tokens == wanted.rows[row])
        #expect(abs(Double(try #require(scored?.values[0])) - wanted.scaled[row]) < 1e-6)
      }
      // Several at once are packed, longest first.
      let all = try #require(data.train?.arrays())
      let order = (0..<recorded.train).sorted {
        (wanted.rows[$0].count, $1) > (wanted.rows[$1].count, $0)
      }
      let packed = (0..<data.shape.steps).flatMap { step in
        order.filter { wanted.rows[$0].count > step }.map { wanted.rows[$0][step] }
      }
      #expect(all.tokens == packed && all.classes == order.map { wanted.classes[$0] })
    }
  }

  @Test func otherFilesHaveTheVocabularyOfTraining() throws {
    let folder = try TemporaryFolder()
    var specification = specification(try folder.write("t.csv", "kind,text\na,x y\nb,y z\n"), 2)
    (specification.tokens, specification.split) = (.word, .init())
    specification.testPath = try folder.write("u.csv", "text,kind\nq y,b\n")
    let data = try LoadedData(specification)
    #expect(data.vocabulary == ["<unk>", "y", "x", "z"] && data.test?.arrays().tokens == [0, 1])
    #expect(data.rows == [0, 1, 0])
  }

  @Test func gapsAreDropped() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("t.csv", "text,kind\none,a\n,a\ntwo,\nthree,b\n")
    var specification = specification(path, 1)
    #expect(
      message(folder) { _ = try LoadedData(specification) }
        == "t.csv, line 3, column 'text': the value is missing; fill it or set data.gaps to drop, previous, linear, mean or mask"
    )
    specification.gaps = .drop
    let data = try LoadedData(specification)
    #expect(data.rows == [0, 3] && data.test?.arrays().classes == [1])
  }

  @Test func whatIsWrongIsNamed() throws {
    let folder = try TemporaryFolder()
    func failure(_ text: String, _ change: (inout DataSpecification) -> Void = { _ in }) -> String {
      message(folder) {
        var specification = specification(try folder.write("t.csv", text), 1)
        change(&specification)
        _ = try LoadedData(specification)
      }
    }
    #expect(
      failure("text,kind\n,a\nx,b\n")
        == "t.csv, line 2, column 'text': the value is missing; fill it or set data.gaps to drop, previous, linear, mean or mask"
    )
    #expect(
      failure("text,kind\nx,a\n\"  \",b\n") { $0.tokens = .word }
        == "t.csv, line 3, column 'text': the text has no word; remove the row")
    #expect(failure("words,kind\nx,a\n").contains("there is no column 'text' (data.text)"))
    #expect(
      failure("text,kind\nx,a\n") { $0.features = ["text"] }
        == "data.features is not for texts (data.text), each of which is a sample; remove it")
    #expect(
      failure("text,kind\nx,a\n") { $0.label = "text" } == "data.text 'text' is also what is to be predicted")
    #expect(failure("text,kind\nx,a\n") { $0.gaps = .linear }.contains("can't fill texts"))
    #expect(
      failure("text,kind\nx,a\n") { ($0.tokens, $0.minCount) = (.byte, 2) }.contains("are not for bytes"))
    let path = try folder.write("t.csv", Array("text,kind\n".utf8) + [0xFF] + Array(",a\nx,b\n".utf8))
    #expect(
      message(folder) { _ = try LoadedData(self.specification(path, 1)) }
        == "t.csv, line 2, column 'text': the text is not UTF-8; save the file as UTF-8, or use data.tokens: byte"
    )
    var bytes = specification(path, 1)
    bytes.tokens = .byte
    #expect(try LoadedData(bytes).train?.arrays().tokens == [255])
  }
}
