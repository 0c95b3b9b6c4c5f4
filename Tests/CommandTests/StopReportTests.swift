import Foundation
import TestSupport
import Testing

/// A signal to the program, alone and under its launcher: the step of its last line is that of the newest checkpoint and of the
/// log's last line.
@Suite(.tags(.mpi, .long)) struct StopReportTests {
  struct Case: CustomTestStringConvertible, Sendable {
    var cadence: String
    var launch: [String] = []
    var isDedicated = false
    var testDescription: String {
      "\(cadence) \(launch.joined(separator: " "))\(isDedicated ? " dedicated" : "")"
    }
  }

  private static let cadences = [
    "{every_epochs: 1}", "{every_epochs: 50}", "{}", "{every_seconds: 0.01}",
    "{every_epochs: 1, keep_best: 0}",
  ]
  private static let three = ["launch", "-n", "3", "--"]
  static let cases =
    cadences.map { Case(cadence: $0) }
    + (mpirun == nil
      ? []
      : [
        Case(cadence: cadences[0], launch: three), Case(cadence: cadences[3], launch: three),
        Case(cadence: cadences[0], launch: three, isDedicated: true),
      ])

  /// RECUR_SIGNALS asks for more of them, over all cases.
  @Test(arguments: cases) func theStepThatIsReportedIsSaved(test: Case) throws {
    let folder = try Folder()
    // 750 steps an epoch.
    try folder.writeWave(epochs: 1_000_000, rows: 1600)
    let count = ProcessInfo.processInfo.environment["RECUR_SIGNALS"].flatMap { Int($0) } ?? 20
    var steps = 0
    for _ in 0..<(count + Self.cases.count - 1) / Self.cases.count {
      let coordinator = "distributed.coordinator=\(test.isDedicated ? "dedicated" : "shared")"
      let running = try Command.Running(
        test.launch + [
          "train", "wave.yaml", "--out", "run", "--resume", "auto", "--set", "checkpoint=\(test.cadence)",
          "--set", "data.split={train: 1500, validation: 10, test: rest}", "--set", "train.batch_size=2",
          "--set", coordinator,
        ], in: folder.url, environment: [:])
      if test.launch.isEmpty {
        running.waitUntilListening(for: SIGTERM)
      } else {
        running.waitForError(containing: "epoch ")
      }
      usleep(.random(in: 0...200_000))
      #expect(
        kill(
          running.process.processIdentifier,
          test.launch.isEmpty ? [SIGINT, SIGTERM, SIGUSR1].randomElement()! : SIGTERM) == 0)
      let outcome = running.outcome()
      #expect(outcome.status == 75, "\(outcome.err)")
      let words = try #require(outcome.out.split(separator: "\n").last { $0.contains("stopped as asked") })
      let done = try #require(words.firstMatch(of: /\((\d+) steps?\)/).flatMap { Int($0.1) })
      let inspected = try Command.run("inspect", "run", "--json", in: folder.url).json()
      #expect((inspected["checkpoint"] as? [String: Any])?["step"] as? Int == done)
      let line = try #require(try folder.read("run/metrics.jsonl").split(separator: "\n").last)
      #expect(line.contains("\"event\":\"end\"") && line.contains("\"step\":\(done),"), "\(line)")
      #expect(done > steps)
      steps = done
    }
  }

  /// The folder goes while it is written to.
  /// As a shell does with a job that is suspended: the request comes first, then the job goes on.
  @Test(.enabled(if: mpirun != nil, "mpirun is not installed")) func aSuspendedJobIsStoppedAndSaved() throws {
    let folder = try Folder()
    try folder.writeWave(epochs: 1_000_000, rows: 1600)
    let running = try Command.Running(
      [
        "launch", "-n", "2", "--", "train", "wave.yaml", "--out", "run", "--set",
        "checkpoint={every_seconds: 0.5}", "--json",
      ], in: folder.url, environment: [:])
    for _ in 0..<600 where !folder.holds("run/checkpoints/latest") { usleep(50_000) }
    let launch = running.process.processIdentifier
    kill(launch, SIGTSTP)
    sleep(2)
    kill(launch, SIGTERM)
    kill(launch, SIGCONT)
    let outcome = running.outcome(within: 60)
    #expect(outcome.status == 75, "\(outcome.err)")
    let steps = try outcome.json()["steps"] as? Int
    let inspected = try Command.run("inspect", "run", "--json", in: folder.url).json()
    #expect(steps != nil && (inspected["checkpoint"] as? [String: Any])?["step"] as? Int == steps)
  }

  @Test func aRunWhoseFolderWentAwayEndsAsAnInputOutputError() throws {
    let folder = try Folder()
    try folder.writeWave(epochs: 1_000_000)
    let running = try Command.start("train", "wave.yaml", "--out", "run", in: folder.url)
    running.waitForError(containing: "epoch ")
    try FileManager.default.moveItem(atPath: folder.path("run"), toPath: folder.path("gone"))
    let outcome = running.outcome()
    #expect(outcome.status == 74 && outcome.err.contains("run was moved or removed"), "\(outcome.err)")
    #expect(!folder.holds("run"))
  }

  /// New data are no part of the recipe's.
  @Test func newDataAreAPartOfTheirOwn() throws {
    let folder = try Folder()
    try folder.writeWave()
    #expect(try Command.run("train", "wave.yaml", "--out", "run", in: folder.url).status == 0)
    for (arguments, parts) in [(["--input", "wave.csv"], ["input"]), ([], ["test", "validation"])] {
      let outcome = try Command.run(
        arguments: ["predict", "run", "--output", "found.csv"] + arguments, in: folder.url)
      #expect(outcome.status == 0, "\(outcome.err)")
      let named = try folder.read("found.csv").split(separator: "\n").dropFirst().map {
        String($0.prefix { $0 != "," })
      }
      #expect(Set(named).sorted() == parts)
    }
  }
}
