import Foundation
import TestSupport
import Testing

/// Where the files go that a person names.
@Suite(.tags(.mpi)) struct OutputTests {
  /// A folder with a run of few steps.
  private func trained() throws -> Folder {
    let folder = try Folder()
    try folder.writeWave(epochs: 1)
    let outcome = try Command.run("train", "wave.yaml", "--out", "run", in: folder.url)
    try #require(outcome.status == 0, "\(outcome.err)")
    return folder
  }

  private func run(_ words: String, in folder: Folder) throws -> Command.Outcome {
    try Command.run(arguments: words.split(separator: " ").map(String.init), in: folder.url)
  }

  @Test func standardOutputHoldsTheFileAlone() throws {
    let folder = try trained()
    #expect(symlink("/dev/stdout", folder.path("link")) == 0)
    for name in ["-", "/dev/stdout", "/proc/self/fd/1", "link"] {
      let outcome = try run("predict run --output \(name)", in: folder)
      #expect(outcome.status == 0, "\(outcome.err)")
      let lines = outcome.out.split(separator: "\n")
      #expect(lines.first?.hasPrefix("split,sample") == true, "\(name)")
      #expect(lines.dropFirst().allSatisfy { $0.hasPrefix("validation,") || $0.hasPrefix("test,") })
      #expect(outcome.err.contains("predictions of"))
    }
    #expect(try run("predict run --output - --json", in: folder).status == 64)
    let model = try Command.Running(
      ["export", "run", "--safetensors", "-"], in: folder.url, environment: [:])
    #expect(model.outcome().status == 0)
    #expect(try run("plot run --output -", in: folder).out.contains("<svg"))
  }

  /// No command writes under a name that says something else.
  @Test func namesOfOtherFormatsAreRefused() throws {
    let folder = try trained()
    for (words, name, remedy) in [
      ("predict run --output", "x.parquet", ".csv, .jsonl or .npy"),
      ("predict run --output", "x.csv.gz", ".csv"),
      ("predict run --jsonl --output", "x.csv", ".jsonl"), ("forecast run --output", "x.npy", ".csv"),
      ("backtest run --folds 1 --output", "x.jsonl", ".csv"), ("report run --output", "x.pdf", ".html"),
      ("export run --npz", "x.npy", ".npz"), ("export run --safetensors", "x.onnx", ".safetensors"),
      ("export run --onnx", "x.pb", ".onnx"),
      ("train wave.yaml --out other --trace", "x.csv", ".json"),
    ] {
      let outcome = try run("\(words) \(name)", in: folder)
      #expect(
        outcome.status == 64 && outcome.err.contains("\(name): ")
          && outcome.err.contains("end the name in \(remedy)"),
        "\(words) \(name): \(outcome.err)")
      #expect(!folder.holds(name) && !folder.holds("other"))
    }
    for name in ["x", "x.txt", "x.CSV"] {
      #expect(try run("predict run --output \(name)", in: folder).status == 0)
      #expect(try folder.read(name).hasPrefix("split,sample"), "\(name)")
    }
    #expect(try run("predict run --output x.ndjson", in: folder).status == 0)
    #expect(try folder.read("x.ndjson").hasPrefix("{\"split\""))
  }

  @Test func fullDevicesAre74AndNothingIsLeft() throws {
    let folder = try trained()
    let before = try FileManager.default.contentsOfDirectory(atPath: folder.url.path).sorted()
    for words in [
      "predict run --output /dev/full", "export run --safetensors /dev/full",
      "train wave.yaml --out other --trace /dev/full", "export run --safetensors no/folder",
    ] {
      let outcome = try run(words, in: folder)
      #expect(outcome.status == 74, "\(words): \(outcome.err)")
      #expect(outcome.err.split(separator: "\n").last?.contains("can't be written") == true, "\(outcome.err)")
    }
    try FileManager.default.removeItem(atPath: folder.path("other"))
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.url.path).sorted() == before)
  }

  /// The umask is that of the process.
  @Test(arguments: [("077", 0o600), ("027", 0o640), ("000", 0o666)])
  func newFilesHaveTheUmasksMode(_ mask: String, _ mode: Int) throws {
    let folder = try trained()
    let shell = Process()
    shell.executableURL = URL(fileURLWithPath: "/bin/sh")
    shell.arguments = [
      "-c", "umask \(mask); \"$0\" predict run -o p.csv && \"$0\" export run --safetensors m >/dev/null",
      Command.executable.path,
    ]
    shell.currentDirectoryURL = folder.url
    shell.standardOutput = FileHandle.nullDevice
    try shell.run()
    shell.waitUntilExit()
    #expect(shell.terminationStatus == 0)
    for name in ["p.csv", "m"] {
      let found = try FileManager.default.attributesOfItem(atPath: folder.path(name))[.posixPermissions]
      #expect(found as? Int == mode, "\(name)")
    }
  }

  @Test func whatACommandReadsIsNotReplaced() throws {
    let folder = try trained()
    let data = try folder.read("wave.csv")
    let recipe = try folder.read("wave.yaml")
    #expect(symlink("wave.csv", folder.path("link.csv")) == 0)
    let newest = try FileManager.default.contentsOfDirectory(atPath: folder.path("run/checkpoints"))
      .filter { $0.hasPrefix("step-") }[0]
    for words in [
      "predict run --output wave.csv", "predict run --output link.csv",
      "predict run --output run/recipe.yaml",
      "predict run --input other.csv --output other.csv",
      "export run --safetensors run/checkpoints/\(newest)", "export run --safetensors run/checkpoints/latest",
      "train wave.yaml --out second --trace wave.yaml", "train wave.yaml --out second --trace wave.csv",
      "predict run --output run", "export run --safetensors .", "train wave.yaml --out new --trace new",
      "train wave.yaml --out new --trace new/metrics.jsonl",
      "train wave.yaml --out run --resume auto --trace run/checkpoints/step-00000099.safetensors",
      "train wave.yaml --out second --trace run",
    ] {
      try folder.write("other.csv", data)
      let outcome = try run(words, in: folder)
      #expect(outcome.status == 64, "\(words): \(outcome.err)")
      #expect(outcome.err.split(separator: "\n").count == 1, "\(outcome.err)")
    }
    #expect(try folder.read("wave.csv") == data && folder.read("wave.yaml") == recipe)
    #expect(!folder.holds("second"))
    #expect(try run("evaluate run", in: folder).status == 0)
    // A file of one's own beside the run's may be written again.
    for _ in 0..<2 { #expect(try run("predict run --output run/found.csv", in: folder).status == 0) }
  }

  @Test func aSignalLeavesNothingBehind() throws {
    let folder = try trained()
    #expect(mkfifo(folder.path("fifo"), 0o600) == 0)
    let writer = open(folder.path("fifo"), O_RDWR)
    defer { close(writer) }
    let before = try FileManager.default.contentsOfDirectory(atPath: folder.url.path).sorted()
    let running = try Command.start(
      "predict", "run", "--input", "fifo", "--output", "found.csv", in: folder.url)
    for _ in 0..<3000 {
      if try FileManager.default.contentsOfDirectory(atPath: folder.url.path).count > before.count { break }
      usleep(10_000)
    }
    #expect(kill(running.process.processIdentifier, SIGTERM) == 0)
    #expect(running.outcome(within: 20).status == SIGTERM)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.url.path).sorted() == before)
  }
}
