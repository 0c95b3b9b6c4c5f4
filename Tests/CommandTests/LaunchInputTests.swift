import Foundation
import TestSupport
import Testing

/// What `recur launch` is given and hands on to mpirun and ssh: checked first, refused in one line, never run.
@Suite(.tags(.mpi)) struct LaunchInputTests {
  private let folder: Folder

  init() throws {
    folder = try Folder()
    try folder.writeWave(epochs: 1)
  }

  private func launch(_ options: String..., environment: [String: String] = [:]) throws -> Command.Outcome {
    try Command.Running(
      ["launch"] + options + ["--", "train", "wave.yaml", "--out", "run"], in: folder.url,
      environment: environment
    ).outcome()
  }

  private func expectRefused(_ outcome: Command.Outcome, _ status: Int32, _ words: String) {
    #expect(outcome.status == status, "\(outcome.err)")
    let lines = outcome.err.split(separator: "\n")
    #expect(lines.count == 1 && lines[0].contains(words), "\(outcome.err)")
    #expect(!folder.holds("run") && !folder.holds("PWNED"))
  }

  @Test(arguments: ["-oProxyCommand=touch${IFS}PWNED", "$(touch${IFS}PWNED)", "a;touch${IFS}PWNED", "`id`"])
  func noHostNameIsACommand(name: String) throws {
    try folder.write("hosts", "localhost\n\(name) slots=1\n")
    expectRefused(try launch("--hostfile", "hosts"), 65, "hosts:2: ")
    expectRefused(try launch("--hostfile", "hosts", "--dry-run"), 65, "hosts:2: ")
    // The script without a supervisor looks, too.
    let script = Command.repository.appendingPathComponent("launch/mpirun.sh").path
    let outcome = try run(
      script, ["2", "train", folder.path("wave.yaml")],
      environment: ["HOSTFILE": folder.path("hosts"), "RECUR": Command.executable.path])
    #expect(outcome.status == 65 && outcome.errors.contains("hosts: such a line"), "\(outcome.errors)")
  }

  @Test(arguments: [" ", "-p 22", "ssh 'a", "ssh -o 'ProxyCommand touch PWNED'"])
  func agents(agent: String) throws {
    try folder.write("hosts", "node-x slots=1\n")
    expectRefused(try launch("--agent=\(agent)", "--hostfile", "hosts"), 64, "--agent")
    expectRefused(try launch("--agent", "", "--hostfile", "hosts"), 64, "--agent")
  }

  @Test(arguments: ["-x", "eth0 --mca", "10.0.0.0/40"]) func networkNames(network: String) throws {
    expectRefused(try launch("--network=\(network)"), 64, "--network")
    expectRefused(try launch("--network", ""), 64, "--network")
  }

  @Test func variablesAreCheckedToo() throws {
    expectRefused(
      try launch(environment: ["SLURM_JOB_ID": "1", "SLURM_NTASKS": "-4"]), 64, "SLURM_NTASKS is `-4`")
    let rank = ["OMPI_COMM_WORLD_SIZE": "1", "OMPI_COMM_WORLD_RANK": "0"]
    for (key, value) in [
      ("RECUR_LAUNCH", "x"), ("OMPI_COMM_WORLD_RANK", "-1"), ("OMPI_COMM_WORLD_SIZE", "many"),
    ] {
      let outcome = try Command.Running(
        ["train", "wave.yaml", "--out", "run"], in: folder.url, environment: rank.merging([key: value]) { $1 }
      ).outcome()
      expectRefused(outcome, 64, key)
    }
    guard mpirun != nil else { return }
    try folder.write("hosts", "localhost slots=2\n")
    let outcome = try launch("--hostfile", "hosts", environment: ["TMPDIR": "here"])
    expectRefused(outcome, 64, "TMPDIR is `here`")
  }

  /// The line that is printed is one that a shell reads back.
  @Test func thePrintedLineIsQuoted() throws {
    let name = "it's $(touch PWNED)\u{1b}[31m `x`.yaml"
    let outcome = try Command.Running(
      ["launch", "--dry-run", "-n", "1", "--", "train", name], in: folder.url, environment: [:]
    ).outcome()
    #expect(outcome.status == 0 && !outcome.out.utf8.contains(0x1b))
    let line = outcome.out.split(separator: "\n")[0].replacing(
      "mpirun", with: "printf '%s\\0'", maxReplacements: 1)
    let read = try run(find("bash")!, ["--norc", "-c", String(line)])
    #expect(read.output.split(separator: "\0").contains { $0 == name }, "\(line)")
    #expect(!folder.holds("PWNED"))
  }

  @Test func aSecondStopIsDocumented() throws {
    let help = try Command.run("launch", "--help").out
    #expect(help.contains("a second one") && help.contains("Ctrl-Z"))
  }
}
