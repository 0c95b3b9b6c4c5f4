import Foundation
import TestSupport
import Testing

/// `recur plot` of several runs.
@Suite(.tags(.mpi), .enabled(if: access("/usr/bin/gnuplot", X_OK) == 0, "gnuplot is not installed"))
struct OverlayTests {
  private func folder() throws -> Folder {
    let folder = try Folder()
    try folder.writeWave()
    try FileManager.default.createDirectory(atPath: folder.path("runs"), withIntermediateDirectories: true)
    for name in ["`touch PWNED`", "second", "third"] {
      let outcome = try Command.run(
        "train", "wave.yaml", "--out", "runs/\(name)", "--set", "seed=\(name.utf8.count)", in: folder.url)
      try #require(outcome.status == 0, "\(outcome.err)")
    }
    return folder
  }

  @Test func eachQuantityHasACurveOfEachRun() throws {
    let folder = try folder()
    let runs = ["runs/`touch PWNED`", "runs/second", "runs/third"]
    for file in ["p.svg", "p.png", "/dev/full"] {
      let outcome = try Command.run(
        arguments: ["plot"] + runs + ["--output", file, "--json"], in: folder.url)
      #expect(outcome.status == (file == "/dev/full" ? 74 : 0), "\(outcome.err)")
      if file == "p.svg" {
        let report = try outcome.json()
        #expect(
          report["runs"] as? [String] == runs && report["panels"] as? Int ?? 0 > 4 && report["run"] == nil)
      }
    }
    let picture = try folder.read("p.svg")
    let words = picture.components(separatedBy: "<text>").dropFirst().map {
      $0.prefix { $0 != "<" }.trimmingCharacters(in: .whitespaces)
    }
    for name in ["`touch PWNED`", "second", "third"] {
      #expect(words.count { $0 == name } >= 5, "\(name): \(words)")
    }
    for quantity in ["training loss (mse)", "validation loss (mse)", "validation mae"] {
      #expect(words.contains(quantity), "\(words)")
    }
    #expect(!folder.holds("PWNED"))
    #expect(try Data(contentsOf: folder.url.appendingPathComponent("p.png")).count > 10_000)
  }

  @Test func runsThatAreHardlyThere() throws {
    let folder = try folder()
    let log = try folder.read("runs/second/metrics.jsonl")
    // It is being written.
    try folder.write("runs/second/metrics.jsonl", String(log.dropLast(9)))
    try folder.write("runs/third/metrics.jsonl", "")
    var outcome = try Command.run("plot", "runs/second", "runs/third", "--output", "p.svg", in: folder.url)
    #expect(
      outcome.status == 0 && outcome.err.contains("runs/third: no epoch has ended yet"), "\(outcome.err)")
    outcome = try Command.run("plot", "runs/third", "runs/third", "--output", "q.svg", in: folder.url)
    #expect(outcome.status == 65 && !folder.holds("q.svg"), "\(outcome.err)")
    for (arguments, code) in [
      (["runs/second", "nothing", "--output", "q.svg"], 66),
      (["runs/second", "runs", "--output", "q.svg"], 65),
      (["runs/second", "runs/third", "--last", "--output", "q.svg"], 64),
      (Array(repeating: "runs/second", count: 25) + ["--output", "q.svg"], 64), (["--output", "q.svg"], 64),
    ] {
      let outcome = try Command.run(arguments: ["plot"] + arguments, in: folder.url)
      #expect(outcome.status == Int32(code), "\(arguments): \(outcome.err)")
    }
  }
}
