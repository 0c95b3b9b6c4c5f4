import Foundation
import TestSupport
import Testing

/// What commands read, and from where.
@Suite(.tags(.mpi)) struct InputTests {
  private static let pairs = """
    data: {format: pairs, path: pairs.tsv, target_tokens: word}
    model: {embedding: 4, cell: gru, hidden_size: 4, decoder: {embedding: 4, attention: dot}, head: [{linear: classes}]}
    loss: cross_entropy
    train: {epochs: 1, batch_size: 4}
    """

  private func run(_ words: String, in folder: Folder, input: String? = nil) throws -> Command.Outcome {
    guard let input else {
      return try Command.run(arguments: words.split(separator: " ").map(String.init), in: folder.url)
    }
    try folder.write("stdin", input)
    let shell = Process()
    let (out, err) = (Pipe(), Pipe())
    shell.executableURL = URL(fileURLWithPath: "/bin/sh")
    // Through a pipe, as another program would write it.
    shell.arguments = ["-c", "cat stdin | \"$0\" \(words)", Command.executable.path]
    shell.currentDirectoryURL = folder.url
    (shell.standardOutput, shell.standardError) = (out, err)
    try shell.run()
    let text = String(decoding: out.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    let errors = String(decoding: err.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    shell.waitUntilExit()
    return Command.Outcome(status: shell.terminationStatus, out: text, err: errors)
  }

  private func trainedPairs() throws -> Folder {
    let folder = try Folder()
    try folder.write("pairs.tsv", "on\tO N\nno\tN O\nnoon\tN O O N\nnot\tN O T\n")
    try folder.write("pairs.yaml", Self.pairs)
    let outcome = try run("train pairs.yaml --out run", in: folder)
    try #require(outcome.status == 0, "\(outcome.err)")
    return folder
  }

  @Test func everyLineOfAnInputIsARow() throws {
    let folder = try trainedPairs()
    for (text, rows) in [
      ("on\n\nno\n", ["on", "", "no"]), ("\u{FEFF}on\r\nno\r\n", ["on", "no"]), ("on\rno", ["on", "no"]),
      ("\n", [""]), ("o\u{C}n\nno\n", ["o\u{C}n", "no"]), ("on\u{2028}no\n", ["on\u{2028}no"]),
    ] {
      try folder.write("in.txt", text)
      for (name, input) in [("in.txt", nil), ("-", text), ("/dev/stdin", text)] {
        let outcome = try run("predict run --input \(name) --output found.csv", in: folder, input: input)
        #expect(outcome.status == 0, "\(name): \(outcome.err)")
        let found = try folder.read("found.csv").utf8.split(separator: 10).dropFirst()
        let sources = found.map { String($0.split(separator: 44, omittingEmptySubsequences: false)[2])! }
        #expect(sources.map { Array($0.utf8) } == rows.map { Array($0.utf8) }, "\(name)")
        #expect(outcome.err.contains("has no prediction") == (rows[0].utf8.count > 2))
      }
    }
  }

  @Test func packedAndMarkedDataAreTheSameData() throws {
    let folder = try Folder()
    try folder.writeWave(epochs: 1)
    let text = try folder.read("wave.csv")
    try folder.write("marked.csv", "\u{FEFF}" + text)
    let bytes = Array(text.utf8)
    let packed = ArrayFiles.gzip(Array(bytes[..<500])) + ArrayFiles.gzip(Array(bytes[500...]))
    try Data(packed).write(to: folder.url.appendingPathComponent("packed.csv"))
    var hashes: Set<String> = []
    for name in ["wave", "marked", "packed"] {
      let outcome = try run(
        "train wave.yaml --out \(name) --json --set data.path=\(name).csv", in: folder)
      #expect(outcome.status == 0, "\(outcome.err)")
      hashes.insert(try #require(try outcome.json()["parameters_sha256"] as? String))
    }
    #expect(hashes.count == 1)
  }

  @Test func aFIFOWithoutAWriterIsRefused() throws {
    let folder = try trainedPairs()
    #expect(mkfifo(folder.path("fifo"), 0o600) == 0)
    for words in [
      "train pairs.yaml --out other --set data.path=fifo", "inspect fifo", "train fifo",
      "launch --hostfile fifo --dry-run -- train pairs.yaml", "predict run --input fifo --output o.csv",
      "evaluate fifo", "predict run --input . --output o.csv", "train pairs.yaml --set data.path=/dev/zero",
    ] {
      let started = Date()
      let outcome = try run(words, in: folder)
      #expect([65, 66].contains(outcome.status), "\(words): \(outcome.status) \(outcome.err)")
      #expect(outcome.err.split(separator: "\n").count == 1, "\(outcome.err)")
      #expect(-started.timeIntervalSinceNow < 30)
    }
  }

  @Test func aSignalEndsTheWaitOfARunThatLoads() throws {
    let folder = try trainedPairs()
    #expect(mkfifo(folder.path("fifo"), 0o600) == 0)
    // A writer that never writes.
    let writer = open(folder.path("fifo"), O_RDWR)
    defer { close(writer) }
    for signal in [SIGINT, SIGTERM] {
      let running = try Command.start(
        "train", "pairs.yaml", "--out", "other", "--set", "data.path=fifo", in: folder.url)
      running.waitUntilListening(for: signal)
      #expect(kill(running.process.processIdentifier, signal) == 0)
      let outcome = running.outcome(within: 20)
      #expect(outcome.status == 75, "\(outcome.err)")
      #expect(outcome.err.contains("stopped while waiting for \(folder.path("fifo"))"), "\(outcome.err)")
    }
  }

  @Test func aRecipeMayComeFromAnotherProgram() throws {
    let folder = try Folder()
    try folder.writeWave(epochs: 1)
    let recipe = try folder.read("wave.yaml")
    #expect(try run("inspect -", in: folder, input: recipe).out.contains("GRU 6"))
    let outcome = try run("train - --out run", in: folder, input: "\u{FEFF}" + recipe)
    #expect(outcome.status == 0, "\(outcome.err)")
  }

  /// What is typed starts where the person stands, what a recipe says where it lies.
  @Test func typedPathsAreRelativeToWhereOneStands() throws {
    let folder = try Folder()
    try folder.writeWave(epochs: 1)
    let sub = folder.url.appendingPathComponent("sub")
    try FileManager.default.createDirectory(at: sub, withIntermediateDirectories: true)
    try folder.write("sub/other.csv", try folder.read("wave.csv"))
    for words in [
      ["train", "../wave.yaml", "--out", "../plain"],
      ["train", "../wave.yaml", "--out", "../run", "--set", "data.path=other.csv"],
      ["inspect", "../wave.yaml", "--set", "data.path=other.csv"],
      ["evaluate", "../plain", "--set", "data.path=other.csv"],
      ["predict", "../plain", "--set", "data.path=../sub/other.csv", "--output", "p.csv"],
      ["evaluate", "../run"], ["plot", "../run", "--output", "loss.svg"],
    ] {
      let outcome = try Command.run(arguments: words, in: sub)
      #expect(outcome.status == 0, "\(words): \(outcome.err)")
    }
    #expect(try folder.read("run/recipe.yaml").contains("path: \(folder.path("sub/other.csv"))"))
    #expect(try folder.read("plain/recipe.yaml").contains("path: \(folder.path("wave.csv"))"))
    let missing = try Command.run("evaluate", "../plain", "--set", "data.path=wave.csv", in: sub)
    #expect(missing.status == 66 && missing.err.contains("sub/wave.csv"), "\(missing.err)")
  }
}
