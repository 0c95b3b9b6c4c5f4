import Foundation
import Testing

@Suite struct BenchTests {
  @Test func reportsEachCaseThatWasNamed() throws {
    let outcome = try Command.run("bench", "stock-lstm", "stock-gru", "--seconds", "0.05", "--json")
    #expect(outcome.status == 0, "\(outcome.err)")
    let cases = try #require(try outcome.json()["cases"] as? [[String: Any]])
    #expect(cases.map { $0["name"] as? String } == ["stock-lstm", "stock-gru"])
    for one in cases {
      let times = try #require(one["milliseconds"] as? [String: Double])
      let median = try #require(times["median"])
      let rate = try #require(one["samples_per_second"] as? Double)
      #expect(try #require(times["min"]) > 0)
      #expect(median >= times["min"]!)
      #expect(abs(rate * median / 1000 - 20) < 1e-6)
      #expect(try #require(one["gflops"] as? Double) > 0)
      #expect(one["threads"] as? Int == 1)
    }
  }

  @Test func theHelpNamesTheCases() throws {
    let help = try Command.run("bench", "--help").out
    for name in [
      "stock-rnn", "stock-lstm", "stock-gru", "mnist-bilstm", "mid-rnn", "mid-lstm", "mid-gru", "charlm-lstm",
      "charlm-gru", "big-lstm", "vowels-lstm", "word-lm",
    ] { #expect(help.contains(name)) }
  }
}
