import Foundation
import TestSupport
import Testing

/// Ranks that are not started alike, under a real mpirun: one line says which, and what to do.
@Suite(.tags(.mpi), .serialized, .enabled(if: mpirun != nil, "mpirun is not installed"))
struct StartCheckTests {
  private let folder: Folder

  init() throws {
    folder = try Folder()
    try folder.writeWave()
  }

  private var train: [String] { ["train", folder.path("wave.yaml"), "--out", folder.path("run")] }

  /// Three ranks; some of them start in another way.
  private func start(_ others: Range<Int>, as other: [String]) throws -> Outcome {
    let own = [Command.executable.path] + train
    let groups = [(0..<others.lowerBound, own), (others, other), (others.upperBound..<3, own)]
    let contexts = groups.filter { !$0.0.isEmpty }.map { ["-n", "\($0.0.count)"] + $0.1 }
    let root = getuid() == 0 ? ["--allow-run-as-root"] : []
    return try run(mpirun!, root + ["--oversubscribe"] + Array(contexts.joined(separator: [":"])))
  }

  private func expectRefused(_ outcome: Outcome, _ reason: String, status: Int32 = 65) {
    #expect(outcome.status == status, "\(outcome.errors)")
    let lines = outcome.errors.split(separator: "\n").filter { $0.hasPrefix("recur: ") }
    #expect(lines.count == 1 && lines.first?.contains(reason) == true, "\(outcome.errors)")
    #expect(!folder.holds("run"))
  }

  @Test(arguments: [(1..<2, "rank 1"), (2..<3, "rank 2"), (1..<3, "ranks 1, 2")])
  func anotherRecipe(ranks: Range<Int>, names: String) throws {
    let outcome = try start(ranks, as: [Command.executable.path] + train + ["--set", "optimizer.lr=0.5"])
    expectRefused(outcome, "the recipe of \(names) is not that of rank 0")
    #expect(outcome.errors.contains("optimizer.lr"), "\(outcome.errors)")
  }

  /// Whatever its data: it is noticed before any file is read.
  @Test func aRecipeForOtherData() throws {
    let other = ["--set", "data={format: npy, path: none.npy}"]
    let outcome = try start(1..<2, as: [Command.executable.path] + train + other)
    expectRefused(outcome, "the recipe of rank 1 is not that of rank 0")
  }

  @Test func otherKernels() throws {
    let words = ["env", "RECUR_KERNELS=portable", Command.executable.path]
    expectRefused(
      try start(1..<2, as: words + train), "the processor's kernel family of rank 1 is not that of rank 0")
  }

  /// Another version: a byte more.
  @Test func anotherProgram() throws {
    let copy = folder.path("recur")
    try FileManager.default.copyItem(atPath: Command.executable.path, toPath: copy)
    let file = try FileHandle(forWritingTo: URL(fileURLWithPath: copy))
    try file.seekToEnd()
    try file.write(contentsOf: Data([0]))
    try file.close()
    expectRefused(try start(2..<3, as: [copy] + train), "the program of rank 2 is not that of rank 0")
  }

  /// The same path holds another file, as on another host.
  @Test(.enabled(if: getuid() == 0 && find("unshare") != nil, "needs root, to show a rank another file"))
  func otherData() throws {
    let text = try folder.read("wave.csv")
    try folder.write("other.csv", text.replacingOccurrences(of: "1", with: "2"))
    let hide = "mount --bind '\(folder.path("other.csv"))' '\(folder.path("wave.csv"))' && exec \"$@\""
    let words = ["unshare", "-m", "sh", "-c", hide, "sh", Command.executable.path]
    expectRefused(try start(1..<2, as: words + train), "the data of rank 1 is not that of rank 0")
  }

  @Test func aMissingFileOnOneRankIsSaidOnce() throws {
    let outcome = try start(
      1..<2, as: [Command.executable.path, "train", folder.path("none.yaml"), "--out", folder.path("run")])
    expectRefused(outcome, "none.yaml", status: 66)
  }

  /// Started as four independent processes by mistake.
  @Test func singletonsAreRefusedWithTheFix() throws {
    let outcome = try Command.Running(
      train, in: folder.url, environment: ["OMPI_COMM_WORLD_SIZE": "4"]
    ).outcome()
    #expect(outcome.status == 64)
    #expect(outcome.err.contains("mpirun started 4 processes, but MPI joined 1"), "\(outcome.err)")
    #expect(outcome.err.contains("recur doctor"), "\(outcome.err)")
  }
}
