import Diagnostics
import Testing

@Suite struct StopRequestTests {
  @Test func whatComesInAMomentIsOneRequest() {
    var request = StopRequest()
    let second: UInt64 = 1_000_000_000
    #expect(request.isNew(at: 5 * second))
    #expect(!request.isNew(at: 5 * second))
    #expect(!request.isNew(at: 5 * second + second / 4))
    #expect(request.isNew(at: 6 * second))
    #expect(!request.isNew(at: 6 * second + second / 4))
    #expect(request.isNew(at: 9 * second))
  }
}
