import Foundation
import TestSupport
import Testing

/// What a process owes its surroundings: descriptors, readers that go away, signals, memory.
@Suite(.tags(.mpi)) struct CitizenTests {
  /// A line of bash in a folder that holds `wave.yaml`; `$R` is the program.
  private struct Shell {
    let folder: Folder

    init(epochs: Int = 4) throws {
      folder = try Folder()
      try folder.writeWave(epochs: epochs)
    }

    func run(_ script: String) throws -> Command.Outcome {
      let process = Process()
      process.executableURL = URL(fileURLWithPath: "/bin/bash")
      process.arguments = ["-c", script]
      process.currentDirectoryURL = folder.url
      process.environment = ProcessInfo.processInfo.environment.merging([
        "R": Command.executable.path, "SWIFT_BACKTRACE": "enable=no",
      ]) { $1 }
      let out = Pipe()
      process.standardInput = FileHandle.nullDevice
      process.standardOutput = out
      process.standardError = out
      try process.run()
      let text = String(decoding: out.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
      process.waitUntilExit()
      return .init(status: process.terminationStatus, out: text, err: text)
    }

    /// Lines of the run's log that are not JSON.
    func foreignLines() throws -> [Substring] {
      try folder.read("run/metrics.jsonl").split(separator: "\n").filter { !$0.hasPrefix("{") }
    }
  }

  @Test(arguments: ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
  func whatIsForAPersonNeverGetsIntoAFile(_ closed: String) throws {
    let shell = try Shell()
    let outcome = try shell.run("$R train wave.yaml --out run --threads 1 \(closed)")
    #expect(outcome.status == 0, "\(outcome.err)")
    #expect(try shell.foreignLines().isEmpty)
    #expect(try shell.run("$R evaluate run \(closed)").status == 0)
  }

  @Test func aReaderThatGoesAwayDoesNotEndTheRun() throws {
    let shell = try Shell(epochs: 3000)
    let outcome = try shell.run(
      "$R train wave.yaml --out run --threads 1 2>&1 | head -1; echo ${PIPESTATUS[0]}")
    #expect(outcome.out.hasSuffix("\n0\n"), "\(outcome.out)")
    #expect(try shell.folder.read("run/metrics.jsonl").contains("\"epoch\":2999"))
    for command in ["evaluate run", "inspect run", "bench stock-rnn --seconds 0.01"] {
      let outcome = try shell.run("$R \(command) 2>err | true; echo ${PIPESTATUS[0]}; cat err")
      #expect(outcome.out == "0\n", "\(command): \(outcome.out)")
    }
    // What is for people goes to standard error then.
    let report = try shell.run(
      "$R evaluate run --json 2>err | true; echo ${PIPESTATUS[0]}; grep -c written err")
    #expect(report.out == "0\n0\n", "\(report.out)")
  }

  /// Who only prints ends as other filters do, without a word.
  @Test func aFilterWithoutAReaderEndsQuietly() throws {
    let shell = try Shell()
    try shell.folder.write("text.txt", String(repeating: "the cat sat on the mat. ", count: 20))
    try shell.folder.write(
      "text.yaml",
      """
      name: text
      data: {format: text, path: text.txt, tokens: char, sequence_length: 8, split: {train: 0.8, test: rest}}
      model: {cell: gru, embedding: 4, hidden_size: 4, readout: every_step, head: [{linear: classes}]}
      loss: cross_entropy
      optimizer: {name: adam, lr: 0.01}
      train: {epochs: 1, batch_size: 4}
      """)
    #expect(try shell.run("$R train text.yaml --out text --threads 1").status == 0)
    let outcome = try shell.run(
      """
      $R generate text --prompt the --length 100000 2>err | head -c 5; code=${PIPESTATUS[0]}
      echo; echo $code; cat err
      """)
    #expect(outcome.out.hasSuffix("141\n"), "\(outcome.out)")
  }

  @Test(arguments: ["evaluate run", "inspect run", "train wave.yaml --out other --threads 1", "--help"])
  func aFullDiskBehindStandardOutputIsTold(_ command: String) throws {
    let shell = try Shell()
    #expect(try shell.run("$R train wave.yaml --out run --threads 1").status == 0)
    let outcome = try shell.run("$R \(command) >/dev/full")
    #expect(outcome.status == 74 && outcome.err.contains("can't write to standard output"), "\(outcome.err)")
  }

  @Test func aHangUpIsARequestToStop() throws {
    let shell = try Shell(epochs: 10_000_000)
    let outcome = try shell.run(
      """
      $R train wave.yaml --out run --threads 1 >/dev/null 2>&1 & p=$!
      until grep -q epoch run/metrics.jsonl 2>/dev/null; do sleep 0.05; done
      kill -HUP $p; kill -HUP $p; wait $p; echo $?
      $R evaluate run >/dev/null; echo $?
      """)
    #expect(outcome.out == "75\n0\n")
  }

  /// As nohup and a shell's background jobs want it.
  @Test func ignoredSignalsStayIgnored() throws {
    let shell = try Shell(epochs: 10_000_000)
    let outcome = try shell.run(
      """
      trap '' HUP INT
      $R train wave.yaml --out run --threads 1 >/dev/null 2>&1 & p=$!
      until grep -q epoch run/metrics.jsonl 2>/dev/null; do sleep 0.05; done
      kill -HUP $p; kill -INT $p; sleep 0.5; kill -0 $p && echo runs
      kill -TERM $p; wait $p; echo $?
      """)
    #expect(outcome.out == "runs\n75\n")
  }

  @Test(arguments: [
    ("model.hidden_size=4096", "ulimit -v"), ("model.hidden_size=32768", "model.hidden_size"),
    ("model.head=[{linear: 16777216}, {linear: 1}]", "model.head"),
  ])
  func memoryThatCannotBeHadIsALine(_ setting: String, _ word: String) throws {
    let shell = try Shell()
    let outcome = try shell.run(
      "ulimit -v 1000000; $R train wave.yaml --out run --threads 1 --set '\(setting)'")
    #expect(outcome.status == 69, "\(outcome.err)")
    #expect(outcome.err.contains(word) && outcome.err.split(separator: "\n").count == 1, "\(outcome.err)")
    #expect(!shell.folder.holds("run"))
  }

  /// Training has threads, which take address space before they do anything. Nothing waits for one that can't be had.
  @Test func noLimitOfMemoryHoldsTrainingUp() throws {
    let shell = try Shell()
    // Where a thread finds no memory of its own is a matter of a few hundred KiB.
    for limit in stride(from: Int.random(in: 30_000..<32_000), through: 140_000, by: 2_000) {
      let outcome = try shell.run(
        "ulimit -v \(limit); timeout -k 1 60 $R train wave.yaml --out run --overwrite --threads 2 2>&1 | tail -1; exit ${PIPESTATUS[0]}"
      )
      #expect([0, 69, 127].contains(outcome.status), "\(limit) KiB: \(outcome.status) \(outcome.out)")
    }
  }

  /// Wherever memory ends, it ends in one way.
  @Test func noLimitOfMemoryTraps() throws {
    let shell = try Shell()
    #expect(try shell.run("$R train wave.yaml --out run --threads 1").status == 0)
    for limit in stride(from: Int.random(in: 30_000..<32_000), through: 100_000, by: 2_000) {
      let outcome = try shell.run("ulimit -v \(limit); $R evaluate run 2>&1 | tail -1; exit ${PIPESTATUS[0]}")
      // 127: the program itself could not be loaded.
      #expect([0, 69, 127].contains(outcome.status), "\(limit) KiB: \(outcome.status) \(outcome.out)")
    }
  }
}
