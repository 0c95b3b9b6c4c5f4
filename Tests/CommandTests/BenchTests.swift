import Foundation
import TestSupport
import Testing

@Suite(.tags(.mpi)) struct BenchTests {
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
      #expect(one["threads"] as? Int == 1 && one["efficiency"] == nil)
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
    // One rank's step without a sum, of the step with it: noise lets it come a little above all.
    #expect(try (0.01...1.5).contains(#require(one["efficiency"] as? Double)))
    #expect(abs(try #require(one["samples_per_second"] as? Double) * median / 1000 - 40) < 1e-6)
  }

  @Test func aShapeIsACase() throws {
    let outcome = try Command.run("bench", "gru-10-3-7", "--seconds", "0.01", "--json")
    let one = try #require((try outcome.json()["cases"] as? [[String: Any]])?.first)
    let median = try #require((one["milliseconds"] as? [String: Double])?["median"])
    // Two layers of 3·10·(10 + 10) weights over 3·7 rows, and a head of 10·10 for 7; forward and twice that backward.
    let operations = Double(3 * 2 * (2 * 600 * 21 + 100 * 7))
    #expect(abs(try #require(one["gflops"] as? Double) * median * 1e6 - operations) < 1)
    #expect(try Command.run("bench", "gru-10-3").status == 64)
  }

  @Test func strictSumsAreTimedToo() throws {
    let outcome = try Command.run(
      "bench", "stock-gru", "--seconds", "0.02", "--reduction", "strict", "--lanes", "3", "--json")
    #expect(outcome.status == 0, "\(outcome.err)")
    #expect(try outcome.json()["reduction"] as? String == "strict")
    let other = try Command.run("bench", "vowels-lstm", "--reduction", "strict")
    #expect(other.status == 64 && other.err.contains("differ in length"), "\(other.err)")
  }

  @Test func theHelpNamesTheCases() throws {
    let help = try Command.run("bench", "--help").out
    for name in [
      "stock-rnn", "stock-lstm", "stock-gru", "mnist-bilstm", "mid-rnn", "mid-lstm", "mid-gru", "charlm-lstm",
      "charlm-gru", "big-lstm", "vowels-lstm", "word-lm",
    ] { #expect(help.contains(name)) }
  }
}
