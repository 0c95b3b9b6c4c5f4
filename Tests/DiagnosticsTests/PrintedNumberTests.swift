import Diagnostics
import Foundation
import TestSupport
import Testing

@Suite(.tags(.fast)) struct PrintedNumberTests {
  @Test func numbersArePrintedAsFoundationPrintsThem() {
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<1000 {
      let number = Double(bitPattern: generator.next())
      for format in ["%.4g", "%.7g", "%.2f", "%.0f", "%.8e"] {
        #expect(String(printf: format, number) == String(format: format, number))
      }
    }
    #expect(String(printf: "%ld min %02ld s", 71, 5) == "71 min 05 s")
  }
}
