import Foundation
import TestSupport
import Testing

/// What commands say about the files they trust, and what the bits depend on.
@Suite(.tags(.mpi)) struct TrustTests {
  private func train(
    _ folder: Folder, _ out: String, _ environment: [String: String] = [:], _ more: String...
  ) throws
    -> Command.Outcome
  {
    let outcome = try Command.Running(
      ["train", "wave.yaml", "--out", out, "--json"] + more, in: folder.url, environment: environment
    ).outcome()
    #expect(outcome.status == 0, "\(outcome.err)")
    return outcome
  }

  @Test(arguments: ["evaluate", "inspect"]) func checksumsAreVerifiedAndSaidToBe(command: String) throws {
    let folder = try Folder()
    try folder.writeWave()
    let path = try #require(try train(folder, "run").json()["checkpoint"] as? String)
    let said = try Command.run(command, path, "--json", in: folder.url)
    #expect(said.status == 0 && said.err.contains("verified, sha256 "), "\(said.err)")
    let report = try said.json()
    #expect(((report["checkpoint"] as? [String: Any]) ?? report)["verified"] as? Bool == true)
    var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
    bytes[bytes.count - 5] ^= 4
    try bytes.write(to: folder.url.appendingPathComponent("flipped.safetensors"))
    let refused = try Command.run(command, "flipped.safetensors", in: folder.url)
    #expect(refused.status == 65 && refused.err.contains("does not match its checksum"), "\(refused.err)")
  }

  @Test func anotherKernelFamilyIsNamedOnResume() throws {
    let folder = try Folder()
    try folder.writeWave(epochs: 2)
    _ = try train(folder, "run", ["RECUR_KERNELS": "portable"])
    let again = try train(
      folder, "run", ["RECUR_KERNELS": "portable"], "--resume", "auto", "--set", "train.epochs=3")
    #expect(!again.err.contains("kernels"), "\(again.err)")
    #expect(try Command.run("inspect", "run", in: folder.url).out.contains("portable kernels"))
    let other = try train(folder, "run", [:], "--resume", "auto", "--set", "train.epochs=4")
    let inspected =
      try Command.run("inspect", "run", "--json", in: folder.url).json()["checkpoint"] as? [String: Any]
    let best = try #require(inspected?["kernel_family"] as? String)
    guard best != "portable" else { return }
    #expect(other.err.contains("made with portable kernels, this run goes on with \(best)"), "\(other.err)")
    #expect(other.err.contains("RECUR_KERNELS=portable"), "\(other.err)")
  }

  /// The C library picks its functions by processor too: hiding what this one has shows what others would do.
  @Test func thePortableFamilyGivesTheSameBitsOnOtherProcessors() throws {
    let folder = try Folder()
    try folder.writeWave(epochs: 20)
    let older = "glibc.cpu.hwcaps=-AVX512F,-AVX512VL,-AVX512BW,-AVX512DQ,-AVX2,-FMA,-FMA4,-AVX,-BMI2,-ERMS"
    let settings = ["--set", "schedule=cosine", "--set", "distributed.reduction=strict"]
    let hashes = try [[:], ["GLIBC_TUNABLES": older]].enumerated().map { number, more in
      let outcome = try Command.Running(
        ["train", "wave.yaml", "--out", "run-\(number)", "--json"] + settings, in: folder.url,
        environment: more.merging(["RECUR_KERNELS": "portable"]) { $1 }
      ).outcome()
      return try outcome.json()["parameters_sha256"] as? String
    }
    #expect(hashes[0] != nil && hashes[0] == hashes[1])
  }
}
