import Foundation
import Testing

@Suite struct DoctorTests {
  @Test func namesEachPartOfTheMachine() throws {
    let folder = try Folder()
    let outcome = try Command.run("doctor", "--json", in: folder.url)
    #expect(outcome.status == 0, "\(outcome.err)")
    let report = try outcome.json()
    let checks = try #require(report["checks"] as? [[String: Any]])
    let names = checks.compactMap { $0["name"] as? String }
    let libraries = ["CUDA driver", "NVRTC", "cuBLASLt", "cuDNN", "NCCL"]
    #expect(
      names == ["processor", "kernels", "cores", "memory", "MPI", "gnuplot", "GPU"] + libraries + ["disk"])
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
}
