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

  @Test(.enabled(if: mpirun != nil, "mpirun is not installed"))
  func ranksAddTheirSamples() throws {
    let outcome = try Command.run(
      "launch", "-n", "2", "--", "bench", "stock-gru", "--seconds", "0.05", "--json")
    #expect(outcome.status == 0, "\(outcome.err)")
    #expect(outcome.out.split(separator: "\n").count == 1)
    let one = try #require((try outcome.json()["cases"] as? [[String: Any]])?.first)
    let median = try #require((one["milliseconds"] as? [String: Double])?["median"])
    #expect(one["ranks"] as? Int == 2)
    #expect(abs(try #require(one["samples_per_second"] as? Double) * median / 1000 - 40) < 1e-6)
  }

  @Test func theHelpNamesTheCases() throws {
    let help = try Command.run("bench", "--help").out
    for name in [
      "stock-rnn", "stock-lstm", "stock-gru", "mnist-bilstm", "mid-rnn", "mid-lstm", "mid-gru", "charlm-lstm",
      "charlm-gru", "big-lstm", "vowels-lstm", "word-lm",
    ] { #expect(help.contains(name)) }
  }
}
