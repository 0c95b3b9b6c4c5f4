import Batches
import Dataset
import Diagnostics
import Foundation
import TestSupport
import Testing

/// Labels, columns, groups and tags are the bytes of the file: é as one code point and as two are different, and a mark after
/// a delimiter does not hide it.
@Suite(.tags(.fast)) struct NameBytesTests {
  private let composed = "\u{E9}"
  private let decomposed = "e\u{301}"

  private func load(
    _ text: [UInt8], _ change: (inout DataSpecification) -> Void
  ) throws -> (data: LoadedData?, message: String) {
    let folder = try TemporaryFolder()
    var specification = DataSpecification(format: .csv, path: try folder.write("d.csv", text))
    specification.features = ["a"]
    change(&specification)
    var data: LoadedData?
    let said = message(folder) { data = try LoadedData(specification) }
    return (data, said)
  }

  @Test func labels() throws {
    let rows = (0..<8).map { "\($0),\($0 % 2 == 0 ? composed : decomposed)\n" }.joined()
    let data = try #require(try load(Array("a,l\n\(rows)".utf8)) { $0.label = "l" }.data)
    #expect(data.classNames.map { Array($0.utf8) } == [Array(decomposed.utf8), Array(composed.utf8)])
    #expect(data.shape.target == .classes(count: 2))
  }

  @Test func aLabelThatIsNotUTF8IsNamed() throws {
    let bytes = Array("a,l\n1,x\n2,".utf8) + [0xE9] + Array("\n3,".utf8) + [0xE8, 10]
    let message = try load(bytes) { $0.label = "l" }.message
    #expect(
      message == "d.csv, line 3, column 'l': class label '\u{FFFD}' is not UTF-8; save the file as UTF-8")
  }

  @Test func columns() throws {
    let text = Array("a,\(composed),\(decomposed)\n1,2,3\n4,5,6\n".utf8)
    for name in [composed, decomposed] {
      #expect(try load(text) { $0.targets = [name] }.data != nil)
    }
    #expect(try load(text) { $0.targets = [composed, decomposed] }.data?.shape.target == .values(width: 2))
    let missing = try load(Array("a,\(composed)\n1,2\n".utf8)) { $0.targets = [decomposed] }.message
    #expect(missing.contains("there is no column"), "\(missing)")
  }

  @Test func columnsInAnotherEncodingStandAside() throws {
    let text = Array("a,b,Gr".utf8) + [0xF6, 0xDF] + Array("e\n1,2,3\n4,5,6\n".utf8)
    #expect(try load(text) { $0.targets = ["b"] }.data != nil)
    #expect(try load(text) { $0.targets = ["Gr\\xF6\\xDFe"] }.data != nil)
  }

  @Test func marksBehindDelimiters() throws {
    let data = try #require(
      try load(Array("a,l\n1,\u{301}x\n2,\"\u{301}y\"\n".utf8)) { $0.label = "l" }.data)
    #expect(data.classNames.map { Array($0.utf8) } == ["\u{301}x", "\u{301}y"].map { Array($0.utf8) })
  }

  @Test func groups() throws {
    let text = Array("a,g,y\n1,\(composed),1\n2,\(decomposed),1\n3,\(decomposed),2\n".utf8)
    let data = try load(text) {
      ($0.targets, $0.group) = (["y"], "g")
    }.data
    #expect(data?.train?.count == 2)
  }

  @Test func tags() throws {
    let folder = try TemporaryFolder()
    let lines = (0..<4).map { "w\t\($0 % 2 == 0 ? composed : decomposed)\n\n" }.joined()
    let specification = DataSpecification(format: .tagged, path: try folder.write("t.txt", lines))
    #expect(try LoadedData(specification).classNames.count == 2)
  }
}
