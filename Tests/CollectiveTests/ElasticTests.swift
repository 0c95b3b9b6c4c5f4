import Foundation
import TestSupport
import Testing

/// `recur launch --elastic` with machines that go and come back. A script is mpirun, another one the remote shell: what they do is in files.
@Suite(.tags(.mpi), .serialized) struct ElasticTests {
  /// Machines a to d, two ranks each.
  private struct Machines {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path

    /// - plays: what each start of the job does: an exit code; `wait`, until it is asked to save, and then 75; `lose X Y`, which ends with 75
    ///   when machines X and Y are gone.
    init(_ names: String..., plays: [String]) throws {
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      try write("hosts", names.map { "node-\($0) slots=2\n" }.joined())
      try write("plays", plays.map { $0 + "\n" }.joined())
      for name in ["starts", "gone"] { try write(name, "") }
      try write(
        "mpirun",
        """
        #!/bin/bash
        [[ $1 != --version ]] || { echo "mpirun (Open MPI) 4.1.4"; exit; }
        while [[ $1 != -n ]]; do shift; done
        play=$(sed -n "$(($(wc -l <\(folder)/starts) + 1))p" \(folder)/plays)
        echo "$2 $(cut -d' ' -f1 "$4" | cut -c6- | paste -sd,)" >>\(folder)/starts
        case $play in
          wait) trap 'exit 75' USR1; while :; do sleep 0.05; done ;;
          lose*) for name in ${play#lose}; do echo "node-$name" >>\(folder)/gone; done; exit 75 ;;
          *) exit "$play" ;;
        esac
        """)
      try write("agent", "#!/bin/bash\n! grep -qx \"$1\" \(folder)/gone\n")
      for name in ["mpirun", "agent"] { chmod("\(folder)/\(name)", 0o755) }
    }

    private func write(_ name: String, _ text: String) throws {
      try text.write(toFile: "\(folder)/\(name)", atomically: true, encoding: .utf8)
    }

    func gone(_ names: String...) throws { try write("gone", names.map { "node-\($0)\n" }.joined()) }

    /// The ranks and machines of each start.
    var starts: [String] {
      ((try? String(contentsOfFile: "\(folder)/starts", encoding: .utf8)) ?? "").split(separator: "\n").map(
        String.init)
    }

    func waitForStarts(_ count: Int) { for _ in 0..<3000 where starts.count < count { usleep(10_000) } }

    func launch(
      ranks: Int, atLeast minimum: Int, restarts: Int = 1, timeout: Int = 60,
      meanwhile: ((pid_t) -> Void)? = nil
    ) throws -> Outcome {
      defer { try? FileManager.default.removeItem(atPath: folder) }
      let environment = [
        "CHECK_STARTER": "\(folder)/mpirun", "CHECK_AGENT": "\(folder)/agent",
        "CHECK_HOSTFILE": "\(folder)/hosts",
        "CHECK_ELASTIC": "\(minimum)", "CHECK_ELASTIC_TIMEOUT": "\(timeout)",
      ]
      return try run(
        built("collective-check"), ["launch", "\(ranks)", "\(restarts)", "train", "--out", "d"],
        environment: environment, meanwhile: meanwhile)
    }
  }

  /// Only what was lost counts as a restart.
  @Test func aLostMachineIsLeftOutAndTakenBack() throws {
    let machines = try Machines("a", "b", plays: ["lose b", "wait", "0"])
    var starts: [String] = []
    let outcome = try machines.launch(ranks: 4, atLeast: 1) { _ in
      machines.waitForStarts(2)
      try? machines.gone()
      machines.waitForStarts(3)
      starts = machines.starts
    }
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(starts == ["4 a,b", "2 a", "4 a,b"], "\(outcome.errors)")
    for words in [
      "without node-b: no answer", "restart 1 of 1 now with 2 ranks", "node-b: answers again",
      "goes on with 4 ranks on 2 machines",
    ] { #expect(outcome.errors.contains(words), "\(words): \(outcome.errors)") }
  }

  @Test func severalMachinesMayBeLostAtOnce() throws {
    let machines = try Machines("a", "b", "c", "d", plays: ["lose b d", "0"])
    var starts: [String] = []
    let outcome = try machines.launch(ranks: 8, atLeast: 2) { _ in
      machines.waitForStarts(2)
      starts = machines.starts
    }
    #expect(outcome.status == 0 && starts == ["8 a,b,c,d", "4 a,c"], "\(starts) \(outcome.errors)")
  }

  @Test func fewerMachinesThanItNeedsAreWaitedFor() throws {
    let machines = try Machines("a", "b", "c", plays: ["lose b c", "0"])
    var starts: [String] = []
    let outcome = try machines.launch(ranks: 6, atLeast: 2) { _ in
      machines.waitForStarts(1)
      usleep(1_500_000)
      starts = machines.starts
      try? machines.gone("c")
      machines.waitForStarts(2)
      starts.append(machines.starts.last ?? "")
    }
    #expect(outcome.status == 0 && starts == ["6 a,b,c", "4 a,b"], "\(starts) \(outcome.errors)")
    #expect(
      outcome.errors.contains(
        "waits: there are 1 of the 2 machines that the job needs, no answer from node-b, node-c"),
      "\(outcome.errors)")
  }

  @Test func whoWaitsTooLongForMachinesEndsWorthARetry() throws {
    let machines = try Machines("a", "b", plays: ["lose b", "0"])
    var starts: [String] = []
    let outcome = try machines.launch(ranks: 4, atLeast: 2, timeout: 1) { _ in
      machines.waitForStarts(1)
      starts = machines.starts
    }
    #expect(outcome.status == 75 && starts.count == 1, "\(outcome.errors)")
    #expect(
      outcome.errors.contains(
        "after 1 s there are 1 of the 2 machines that the job needs; no answer from node-b"),
      "\(outcome.errors)")
  }

  @Test func aPersonMayEndTheWait() throws {
    let machines = try Machines("a", "b", plays: ["lose b", "0"])
    let outcome = try machines.launch(ranks: 4, atLeast: 2) { launcher in
      machines.waitForStarts(1)
      usleep(1_000_000)
      kill(launcher, SIGTERM)
    }
    #expect(outcome.status == 75, "\(outcome.errors)")
  }

  /// One that is not there at the beginning is no reason to fail; one that adds no rank is none to stop.
  @Test func machinesThatAddNoRankDoNotDisturb() throws {
    let machines = try Machines("a", "b", plays: ["wait", "0"])
    try machines.gone("b")
    var starts: [String] = []
    let outcome = try machines.launch(ranks: 2, atLeast: 1) { launcher in
      machines.waitForStarts(1)
      try? machines.gone()
      usleep(5_000_000)
      starts = machines.starts
      kill(launcher, SIGTERM)
    }
    #expect(outcome.status == 75 && starts == ["2 a"], "\(starts) \(outcome.errors)")
    #expect(outcome.errors.contains("without node-b: no answer"), "\(outcome.errors)")
  }

  /// While ranks save because of a machine, a person asks for the end: nothing is started any more.
  @Test func aRequestToStopIsHeardWhileTheJobGrows() throws {
    let machines = try Machines("a", "b", plays: ["wait", "0"])
    try machines.gone("b")
    var starts: [String] = []
    let outcome = try machines.launch(ranks: 4, atLeast: 1) { launcher in
      machines.waitForStarts(1)
      kill(launcher, SIGTERM)
      usleep(500_000)
      starts = machines.starts
    }
    #expect(outcome.status == 75 && starts == ["2 a"], "\(starts) \(outcome.errors)")
  }
}
