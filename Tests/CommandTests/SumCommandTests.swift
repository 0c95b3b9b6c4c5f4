import Foundation
import TestSupport
import Testing

/// What a person types and reads about who adds gradients.
@Suite(.tags(.mpi), .serialized, .enabled(if: mpirun != nil, "mpirun is not installed"))
struct SumCommandTests {
  private let folder: Folder

  init() throws {
    folder = try Folder()
    try folder.writeWave(epochs: 2)
  }

  private func train(_ out: String, _ sums: String?, _ more: [String] = [], ranks: Int = 2) throws
    -> Command.Outcome
  {
    var environment = ["RECUR_CACHE": folder.path("cache")]
    environment["RECUR_SUMS"] = sums
    return try Command.Running(
      [
        "launch", "-n", "\(ranks)", "--unbound", "--", "train", folder.path("wave.yaml"), "--out",
        folder.path(out), "--json",
      ]
        + more, in: folder.url, environment: environment
    ).outcome()
  }

  private func hash(_ outcome: Command.Outcome) throws -> String {
    #expect(outcome.status == 0, "\(outcome.err)")
    return try #require(try outcome.json()["parameters_sha256"] as? String)
  }

  @Test func aWrongWordIsRefused() throws {
    let wrong = try train("run", "fast")
    #expect(wrong.status == 64)
    #expect(wrong.err.contains("RECUR_SUMS=fast is not understood; give own, mpi or auto"), "\(wrong.err)")
    #expect(!folder.holds("run"))
  }

  /// On one machine nothing is tried, and memory adds.
  @Test func oneMachineAddsInMemory() throws {
    let own = try hash(train("own", "own", ranks: 3))
    let auto = try train("auto", nil, ranks: 3)
    #expect(try hash(auto) == own)
    #expect(!auto.err.contains("MPI_") && !folder.holds("cache"), "\(auto.err)")
  }

  /// A library's sum is said, logged, kept in the checkpoint, and the same run after run, also of a run that was stopped.
  @Test func aLibraryIsSaidAndRepeats() throws {
    let first = try train("first", "mpi")
    let whole = try hash(first)
    let line = try #require(first.err.split(separator: "\n").first { $0.contains("gradients are summed") })
    #expect(line.contains("over the ranks by MPI_"), "\(line)")
    #expect(try folder.read("first/metrics.jsonl").contains(#""engine":"MPI_"#))
    let kept = try FileManager.default.contentsOfDirectory(atPath: folder.path("cache"))
    #expect(kept.count == 1 && kept[0].hasPrefix("sums-"), "\(kept)")
    #expect(try hash(train("second", "mpi")) == whole)
    // Goes on with what its checkpoint says, without being told.
    _ = try hash(train("parts", "mpi", ["--set", "train.epochs=1"]))
    let rest = try train("parts", nil, ["--resume", "auto"])
    #expect(try hash(rest) == whole)
    #expect(rest.err.contains("over the ranks by MPI_"), "\(rest.err)")
    // Told otherwise it says what that means.
    _ = try hash(train("other", "mpi", ["--set", "train.epochs=1"]))
    let other = try train("other", "own", ["--resume", "auto"])
    #expect(other.status == 0)
    #expect(
      other.err.contains("RECUR_SUMS=own takes own sums; its bits will not be those of an unbroken run"),
      "\(other.err)")
  }

  /// A strict run has no choice.
  @Test func strictSumsAreTheirOwn() throws {
    let strict = ["--set", "distributed.reduction=strict"]
    let outcome = try train("strict", "mpi", strict)
    let alone = try Command.run(
      "train", "wave.yaml", "--out", "alone", "--json", "--set", "distributed.reduction=strict",
      in: folder.url)
    #expect(try hash(outcome) == hash(alone))
    #expect(!outcome.err.contains("MPI_"), "\(outcome.err)")
  }
}
