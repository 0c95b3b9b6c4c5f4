import Diagnostics
import TestSupport
import Testing

@Suite(.tags(.fast)) struct StopRequestTests {
  @Test func whatComesInAMomentIsOneRequest() {
    var request = StopRequest()
    let second: UInt64 = 1_000_000_000
    let times = [
      5 * second, 5 * second, 5 * second + second / 4, 6 * second, 6 * second + second / 4, 9 * second,
    ]
    let new = times.map { request.isNew(at: $0) }
    #expect(new == [true, false, false, true, false, true])
  }
}
