import Diagnostics
import TestSupport
import Testing

@Suite(.tags(.fast)) struct MemoryTests {
  @Test(arguments: [
    ("2GiB", 2 << 30), ("1.5MiB", 3 << 19), ("512 MiB", 512 << 20), ("1kB", 1000), ("7", 7),
    ("3TB", 3_000_000_000_000),
  ])
  func amountsAreRead(text: String, bytes: Int) {
    #expect(ByteCount.read(text) == bytes)
    #expect(ByteCount.read(ByteCount.text(bytes)) == bytes)
  }

  @Test(arguments: ["", "GiB", "-1", "0", "0.5", "1 gb", "2GiB3", "1e400", "nan", "99999999TiB", "1..5MB"])
  func whatIsNoAmountIsRefused(text: String) { #expect(ByteCount.read(text) == nil) }

  @Test func amountsAreWrittenInTheirLargestUnit() {
    #expect(
      ByteCount.text(2 << 30) == "2GiB" && ByteCount.text(1500) == "1500" && ByteCount.text(3000) == "3kB")
  }
}
