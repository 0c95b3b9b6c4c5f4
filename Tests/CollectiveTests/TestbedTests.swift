import Foundation
import Testing

private let canRun =
  getuid() == 0 && find("mpirun") != nil && find("ip") != nil
  && (try? run("/usr/bin/env", ["unshare", "--net", "true"]).status) == 0

/// Two hosts with a network between them, as `cluster/testbed` makes them of namespaces.
@Suite(.serialized, .enabled(if: canRun, "needs root, mpirun, iproute2 and network namespaces"))
struct TestbedTests {
  static let testbed = ABITests.package.appendingPathComponent("cluster/testbed").path

  @Test func twoHostsOverTCP() throws {
    try withHosts { hosts in
      let outcome = try hosts.launch(4, restarts: 0, ["verify"])
      #expect(outcome.status == 0, "\(outcome.errors)")
      let places = [0, 1].flatMap { host in [0, 1].map { "\($0)/2@\(hosts.name)-\(host + 1)" } }
      #expect(
        outcome.output.contains("ranks 4 wrong 0 ") && outcome.output.contains(places.joined(separator: " ")))
      // The same bits as one process makes.
      let hash = outcome.output.split(separator: " ")[5]
      #expect(try MPITests.alone.get().contains("lanes \(hash) "))
    }
  }

  @Test func aLostLinkEndsTheJobAndTheRestLeadsItToItsEnd() throws {
    try withHosts { hosts in
      let file = hosts.folder.appendingPathComponent("runs").path
      let outcome = try hosts.launch(4, restarts: 1, ["job", file, "watch", "0", "--out", "d"]) { _ in
        for _ in 0..<2000 where !FileManager.default.fileExists(atPath: file) { usleep(10_000) }
        usleep(1_000_000)
        _ = try? hosts.testbed("cut", "2")
      }
      #expect(outcome.status == 0, "\(outcome.errors)")
      #expect(outcome.errors.contains("for rank 2 on \(hosts.name)-2 (silent for"), "\(outcome.errors)")
      #expect(outcome.errors.contains("without \(hosts.name)-2: no answer"), "\(outcome.errors)")
      let runs = try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n")
      #expect(runs.map { $0.prefix(2) } == ["4 ", "2 "], "\(runs)")
    }
  }

  struct Hosts {
    let name = "rt\(getpid() % 100_000)"
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)

    func testbed(_ arguments: String...) throws -> Outcome {
      try run(TestbedTests.testbed, arguments, environment: ["TESTBED": name])
    }

    /// The supervisor, on the first host.
    func launch(
      _ ranks: Int, restarts: Int, _ arguments: [String], meanwhile: ((pid_t) -> Void)? = nil
    ) throws -> Outcome {
      let environment = [
        "TESTBED": name, "CHECK_AGENT": "\(TestbedTests.testbed) agent", "CHECK_NETWORK": "10.77.0.0/24",
        "CHECK_HOSTFILE": folder.appendingPathComponent("hosts").path,
      ]
      return try run(
        TestbedTests.testbed,
        ["run", "1", built("collective-check"), "launch", "\(ranks)", "\(restarts)"] + arguments,
        environment: environment, limit: 120, meanwhile: meanwhile)
    }
  }

  private func withHosts(_ body: (Hosts) throws -> Void) throws {
    let hosts = Hosts()
    try FileManager.default.createDirectory(at: hosts.folder, withIntermediateDirectories: true)
    defer {
      _ = try? hosts.testbed("down")
      try? FileManager.default.removeItem(at: hosts.folder)
    }
    let up = try hosts.testbed("up", "2")
    #expect(up.status == 0, "\(up.errors)")
    try up.output.write(to: hosts.folder.appendingPathComponent("hosts"), atomically: true, encoding: .utf8)
    try body(hosts)
  }
}
