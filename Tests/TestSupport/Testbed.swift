import Foundation
import Synchronization

/// Hosts with a network between them, as `cluster/testbed` makes them of namespaces of this machine.
public struct Testbed {
  /// Whether this machine lets us make them.
  public static let isAvailable =
    getuid() == 0 && find("mpirun") != nil && find("ip") != nil
    && (try? TestSupport.run("/usr/bin/env", ["unshare", "--net", "true"]).status) == 0
  /// What to say where it does not.
  public static let needs = "needs root, mpirun, iproute2 and network namespaces"

  /// Whether it lets us make links of some speed, which a program of C carries.
  public static let hasSlowLinks =
    isAvailable && find("cc") != nil && FileManager.default.fileExists(atPath: "/dev/net/tun")
  public static let needsForSlowLinks = "\(needs), a C compiler and /dev/net/tun"

  public static let script = package.appendingPathComponent("cluster/testbed").path
  /// The addresses of all hosts.
  public static let network = "10.77.0.0/24"
  private static let count = Atomic(0)

  /// Host i, from 1, is called `name-i`.
  public let name = "rt\(getpid() % 100_000)n\(count.wrappingAdd(1, ordering: .relaxed).newValue)"
  /// Gone after the test.
  public let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
  /// A file that names the hosts.
  public var hostfile: String { folder.appendingPathComponent("hosts").path }
  /// What mpirun uses in place of ssh.
  public var agent: String { "\(Self.script) agent" }

  /// - delay: of links that have a speed, in microseconds from host to host; rate: theirs, in megabits a second.
  public static func with(
    hosts: Int, slots: Int = 2, delay: Int? = nil, rate: Int? = nil, _ body: (Testbed) throws -> Void
  ) throws {
    let testbed = Testbed()
    try FileManager.default.createDirectory(at: testbed.folder, withIntermediateDirectories: true)
    defer {
      _ = try? testbed.control("down")
      try? FileManager.default.removeItem(at: testbed.folder)
    }
    let up = try testbed.control(
      ["up", "\(hosts)"] + [delay, rate].compactMap { $0.map(String.init) },
      environment: ["SLOTS": "\(slots)"])
    guard up.status == 0 else { throw CocoaError(.executableLoad, userInfo: ["testbed": up.errors]) }
    try up.output.write(toFile: testbed.hostfile, atomically: true, encoding: .utf8)
    try body(testbed)
  }

  /// One of the script's commands.
  public func control(_ arguments: String..., environment: [String: String] = [:]) throws -> Outcome {
    try control(arguments, environment: environment)
  }

  private func control(_ arguments: [String], environment: [String: String]) throws -> Outcome {
    try TestSupport.run(Self.script, arguments, environment: environment.merging(["TESTBED": name]) { $1 })
  }

  /// A program on the first host.
  public func run(
    _ arguments: [String], environment: [String: String] = [:], meanwhile: ((pid_t) -> Void)? = nil
  ) throws -> Outcome {
    try TestSupport.run(
      Self.script, ["run", "1"] + arguments, environment: environment.merging(["TESTBED": name]) { $1 },
      limit: 120, meanwhile: meanwhile)
  }
}
