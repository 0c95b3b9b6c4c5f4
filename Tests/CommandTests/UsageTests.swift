import Foundation
import TestSupport
import Testing

@Suite(.tags(.mpi)) struct UsageTests {
  @Test(arguments: [
    "train", "evaluate", "predict", "inspect", "compare", "sweep", "export", "plot", "bench", "doctor",
  ])
  func helpExplainsEachCommand(_ command: String) throws {
    let outcome = try Command.run(command, "--help")
    #expect(outcome.status == 0)
    #expect(outcome.out.contains("USAGE: recur \(command)"))
    #expect(outcome.out.contains("--json"))
    let overview = try Command.run("--help")
    #expect(overview.out.contains("\n  \(command) "))
  }

  @Test func versionIsOneLine() throws {
    let outcome = try Command.run("--version")
    #expect(outcome.status == 0)
    #expect(outcome.out.hasPrefix("recur "))
    #expect(outcome.out.split(separator: "\n").count == 1)
  }

  @Test(arguments: [
    ["trian", "x.yaml"], ["train"], ["train", "x.yaml", "--threads", "0"],
    ["train", "x.yaml", "--thread", "1"],
    ["train", "x.yaml", "--device", "tpu"], ["train", "x.yaml", "--resume", "auto"],
    ["train", "x.yaml", "--device", "cpu", "--engine", "fused"],
    ["train", "x.yaml", "--device", "cpu", "--precision", "bf16"], ["bench", "--engine", "fused"],
    ["train", "x.yaml", "--out", "o", "--overwrite", "--resume", "auto"],
    ["bench", "--seconds", "0"], ["bench", "--seconds", "nan"], ["bench", "mid-lst"], ["plot", "run"],
    ["plot", "run", "--output", "x.pdf"], ["predict", "c", "--output", "o", "--split", "tset"],
    ["predict", "c", "--output", "o", "--split", "test", "--input", "f"], ["export", "c"],
  ])
  func wrongCommandLinesEndWith64(_ arguments: [String]) throws {
    let outcome = try Command.Running(arguments, in: Command.repository, environment: [:]).outcome()
    #expect(outcome.status == 64)
    #expect(outcome.out.isEmpty)
    #expect(!outcome.err.isEmpty)
  }

  @Test func anUnknownBenchCaseNamesTheNearest() throws {
    let outcome = try Command.run("bench", "mid-lst", "--json")
    #expect(outcome.status == 64)
    #expect(outcome.err.contains("did you mean mid-lstm?"))
    let report = try outcome.json()
    #expect(report["exit_code"] as? Int == 64)
    #expect((report["error"] as? String)?.contains("mid-lstm") == true)
  }

  @Test(arguments: [
    ["train", "missing.yaml"], ["inspect", "missing.yaml"], ["evaluate", "missing.safetensors"],
    ["predict", "missing", "--output", "p.csv"], ["export", "missing", "--safetensors", "m.safetensors"],
    ["plot", "missing", "--output", "p.svg"], ["compare", "missing"],
    ["sweep", "missing.yaml", "--grid", "seed=1,2", "--out", "s"],
  ])
  func missingInputEndsWith66AndOneLineThatNamesIt(_ arguments: [String]) throws {
    let folder = try Folder()
    let outcome = try Command.Running(arguments, in: folder.url, environment: [:]).outcome()
    #expect(outcome.status == 66, "\(outcome.err)")
    #expect(outcome.err.split(separator: "\n").count == 1, "\(outcome.err)")
    #expect(outcome.err.contains(arguments[1]))
    let left = try FileManager.default.contentsOfDirectory(atPath: folder.url.path)
    #expect(left.isEmpty, "\(left)")
  }

  @Test func unknownKernelsAreRefused() throws {
    let outcome = try Command.run("train", "missing.yaml", environment: ["RECUR_KERNELS": "avx9"])
    #expect(outcome.status == 64)
    #expect(outcome.err.contains("RECUR_KERNELS=avx9"))
  }

  /// Where there is no usable GPU: before anything else, with what was tried.
  @Test(arguments: [
    ["train", "missing.yaml", "--device", "cuda"], ["bench", "--device", "cuda"], ["doctor", "--gpu"],
  ])
  func cudaIsRefusedBeforeAnythingElse(arguments: [String]) throws {
    let outcome = try Command.Running(
      arguments, in: Command.repository, environment: ["CUDA_VISIBLE_DEVICES": "-1"]
    ).outcome()
    #expect(outcome.status == 69)
    #expect(
      outcome.err.contains("libcuda.so.1") || outcome.err.contains("GPU") || outcome.err.contains("CUDA"))
    #expect(outcome.err.split(separator: "\n").count == 1)
  }
}
