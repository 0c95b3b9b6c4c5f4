import Foundation
import TestSupport
import Testing

/// Two hosts with a network between them.
@Suite(.tags(.mpi), .serialized, .enabled(if: Testbed.isAvailable, Comment(rawValue: Testbed.needs)))
struct TestbedTests {
  @Test func twoHostsOverTCP() throws {
    try Testbed.with(hosts: 2) { hosts in
      let outcome = try verify(hosts)
      #expect(outcome.status == 0, "\(outcome.errors)")
      let places = [0, 1].flatMap { host in [0, 1].map { "\($0)/2@\(hosts.name)-\(host + 1)" } }
      #expect(
        outcome.output.contains("ranks 4 wrong 0 ") && outcome.output.contains(places.joined(separator: " ")))
      // The same bits as one process makes.
      let hash = outcome.output.split(separator: " ")[5]
      #expect(try MPITests.alone.get().contains("lanes \(hash) "))
    }
  }

  /// Four ranks, started by the supervisor on the first host.
  private func verify(_ hosts: Testbed) throws -> Outcome {
    try hosts.run(
      [built("collective-check"), "launch", "4", "0", "verify"],
      environment: [
        "CHECK_AGENT": hosts.agent, "CHECK_NETWORK": Testbed.network, "CHECK_HOSTFILE": hosts.hostfile,
      ])
  }
}
