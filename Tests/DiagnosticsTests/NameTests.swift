import Diagnostics
import Foundation
import TestSupport
import Testing

/// Names are their bytes.
@Suite(.tags(.fast)) struct NameTests {
  static let composed: Name = "\u{E9}"
  static let decomposed: Name = "e\u{301}"

  @Test func whatLooksAlikeIsNotEqual() {
    #expect(Self.composed != Self.decomposed && Self.composed == "\u{E9}")
    #expect(Set([Self.composed, Self.decomposed, "\u{E9}"]).count == 2)
    #expect(Name("K") != "\u{212A}" && Name(";") != "\u{37E}")
    #expect([Self.composed, Self.decomposed, "z"].sorted() == [Self.decomposed, "z", Self.composed])
    #expect(Name(utf8: [0x61, 0xFF]) == nil && Name(utf8: [0x65, 0xCC, 0x81]) == Self.decomposed)
    let long = String(repeating: "a long name ", count: 9)
    #expect(Set([Name(long), Name(Substring(long)), Name(long + "!")]).count == 2)
  }

  @Test func jsonHoldsAString() throws {
    let values = [Self.composed: 1, Self.decomposed: 2]
    let text = try JSONEncoder().encode([Self.composed])
    #expect(String(decoding: text, as: UTF8.self) == "[\"\u{E9}\"]")
    #expect(try JSONDecoder().decode([Name].self, from: text) == [Self.composed])
    #expect(String(decoding: try JSONEncoder().encode(values), as: UTF8.self).hasPrefix("{\""))
  }

  @Test func tablesNumberBytesAsTheyCome() {
    var table = NameTable()
    var numbers: [[UInt8]: Int32] = [:]
    var random = SystemRandomNumberGenerator()
    for _ in 0..<5000 {
      let name = (0..<Int.random(in: 0...3, using: &random)).map { _ in
        [UInt8(0), 0x61, 0xCC, 0x81, 0xFF].randomElement(using: &random)!
      }
      let number = table.insert(name)
      #expect(numbers[name, default: number] == number && table[Int(number)].elementsEqual(name))
      numbers[name] = number
    }
    #expect(table.count == numbers.count && Set(numbers.values).count == numbers.count)
  }
}
