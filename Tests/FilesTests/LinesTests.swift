import Files
import TestSupport
import Testing

@Suite(.tags(.fast)) struct LinesTests {
  @Test func onlyLineFeedAndCarriageReturnEndALine() {
    let text = "a\nb\r\nc\rd\u{C}e\u{B}f\u{85}g\u{2028}h\u{2029}i\n\nj"
    let wanted = ["a", "b", "c", "d\u{C}e\u{B}f\u{85}g\u{2028}h\u{2029}i", "", "j"]
    #expect(Lines.texts(of: text.utf8).map { Array($0.utf8) } == wanted.map { Array($0.utf8) })
    #expect(Lines.texts(of: "\n\r".utf8) == ["", ""] && Lines.texts(of: "".utf8).isEmpty)
    #expect(Lines.texts(of: "a\r\r\nb\n".utf8) == ["a", "", "b"])
  }

  @Test func linesAreNumberedFromOne() {
    Array("x\n\ny".utf8).withUnsafeBufferPointer {
      var lines = Lines($0)
      var numbers: [Int] = []
      while lines.next() != nil { numbers.append(lines.number) }
      #expect(numbers == [1, 2, 3])
    }
  }
}
