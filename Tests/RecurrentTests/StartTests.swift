import Recurrent
import TestSupport
import Testing

@Suite("First parameters", .tags(.fast)) struct StartTests {
  struct Case: Decodable, Sendable {
    let cell: String
    let hidden, projection: Int
    let range, forgetBias: Float?
    let orthogonal: Bool
    let parameters: Reference.Floats

    var network: Network {
      var a = Network(
        .init(rawValue: cell)!, inputs: 3, hidden: hidden, steps: 1, head: [.linear(2)])
      a.layers = 2
      a.bidirectional = true
      a.projectionSize = projection
      a.initRange = range
      a.initialization.orthogonal = orthogonal
      a.initialization.forgetBias = forgetBias
      return a
    }
  }

  @Test func `with an orthogonal start, a range or a forget bias are PyTorch's`() throws {
    let cases: [Case] = try Reference.load("starts.json")
    #expect(cases.count == 7)
    for given in cases {
      let model = try Model(given.network, seed: 42)
      for (name, a, b) in model.layout.entries.map({ entry in
        (entry.name, Array(model.parameters[entry.range]), Array(given.parameters.values[entry.range]))
      }) {
        // LAPACK works in float; what is only drawn has the same bits.
        if given.orthogonal, name.contains("weight_hh") {
          #expect(relativeDistance(a, b) < 1e-5, "\(name) of \(given.cell)")
        } else {
          #expect(a == b, "\(name) of \(given.cell)")
        }
      }
    }
  }

  @Test func `layer norm starts as the identity, a learned state as zero`() throws {
    var a = Network(.lstm, inputs: 3, hidden: 4, steps: 1, head: [.linear(2)])
    a.layerNorm = true
    a.learnedInitialState = true
    a.initRange = 0.1
    a.initialization.forgetBias = 1
    let model = try Model(a, seed: 1)
    for entry in model.layout.entries where entry.name.contains("norm") || entry.name.contains("0_l0") {
      var expected = [Float](repeating: entry.name.hasSuffix(".weight") ? 1 : 0, count: entry.range.count)
      if entry.name == "rnn.norm_ih_l0.bias" { for unit in 4..<8 { expected[unit] = 1 } }
      #expect(Array(model.parameters[entry.range]) == expected, "\(entry.name)")
    }
  }
}
