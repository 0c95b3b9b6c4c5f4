import Recurrent
import TestSupport
import Testing

@Suite("Parameters right after construction", .tags(.fast)) struct InitializationTests {
  struct Case: Decodable {
    let architecture: Reference.NetworkDescription
    let seed: UInt64
    let count: Int
    let first, last: Reference.Floats
    let fingerprint: String
  }

  @Test func `have PyTorch's bits for every cell, depth, direction, bias and head`() throws {
    let cases: [Case] = try Reference.load("parameters.json")
    #expect(cases.count == 146)
    for expected in cases {
      let network = expected.architecture.network
      let layout = ParameterLayout(network)
      try #require(layout.count == expected.count, "\(expected.architecture)")
      let values = [Float](unsafeUninitializedCapacity: layout.count) { buffer, used in
        used = layout.count
        buffer.initialize(repeating: .nan)
        layout.initialize(
          UnsafeMutableBufferPointer(rebasing: buffer[..<used]), network: network,
          seed: expected.seed)
      }
      #expect(Array(values.prefix(2)) == expected.first.values, "\(expected.architecture)")
      #expect(Array(values.suffix(2)) == expected.last.values, "\(expected.architecture)")
      #expect(fingerprint(values) == expected.fingerprint, "\(expected.architecture)")
    }
  }
}
