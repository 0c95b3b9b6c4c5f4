import Collective
import Diagnostics
import Foundation
import TestSupport
import Testing

@Suite(.tags(.mpi)) struct LaunchPlanTests {
  static func plan(_ change: (inout LaunchPlan) throws -> Void) throws -> String {
    var plan = LaunchPlan(command: ["recur", "train", "a recipe.yaml"])
    (plan.cores, plan.isRoot, plan.allocation) = (8, false, nil)
    try change(&plan)
    return ShellWords.quoted(plan.arguments(hostfilePath: plan.hostfile == nil ? nil : "hosts"))
  }

  @Test func oneRankPerCoreBoundToIt() throws {
    #expect(
      try Self.plan { _ in }
        == "-n 8 --map-by slot:PE=1 --bind-to core:overload-allowed"
        + " --stdin none recur train 'a recipe.yaml'")
  }

  @Test func coresAreSharedOutAmongFewRanks() throws {
    let line = try Self.plan { $0.ranks = 3 }
    #expect(
      line == "-n 3 --map-by slot:PE=2 --bind-to core:overload-allowed"
        + " --stdin none recur train 'a recipe.yaml'")
  }

  @Test func moreRanksThanCoresYieldAndAreNotBound() throws {
    let line = try Self.plan {
      $0.ranks = 9
      $0.isRoot = true
    }
    #expect(
      line.hasPrefix(
        "--allow-run-as-root -n 9 --oversubscribe --bind-to none --mca mpi_yield_when_idle 1"
      ))
  }

  @Test func hostsTheirNetworkAndTheirShell() throws {
    let line = try Self.plan {
      $0.hostfile = try Hostfile(path: Self.file("a slots=2 # left\n\n# none\nb slots=1\n"))
      ($0.network, $0.agent) = (JobNetwork("10.0.0.0/24"), try RemoteShell("my  'agent'"))
    }
    #expect(
      line
        == "-n 3 --hostfile hosts --map-by slot:PE=1 --bind-to core:overload-allowed --mca mpi_yield_when_idle 1"
        + " --mca pml ob1 --mca btl tcp,vader,self --mca btl_tcp_if_include 10.0.0.0/24 --mca oob_tcp_if_include 10.0.0.0/24"
        + " --mca plm_rsh_agent 'my agent' --stdin none"
        + " recur train 'a recipe.yaml'")
  }

  @Test func inAnAllocationTheTasksAreTheRanks() throws {
    let line = try Self.plan { $0.allocation = 16 }
    #expect(line.hasPrefix("-n 16 --map-by slot:PE=1 "))
  }

  @Test(arguments: [
    ("", Failure.Kind.badData, "names no host"), ("# nobody\n", .badData, "names no host"),
    ("a slots=0\n", .badData, ":1: `slots=0`"), ("a\nb slot=2\n", .badData, ":2: `slot=2`"),
    ("a slots=+2\n", .badData, ":1: `slots=+2`"), ("a max-slots=x\n", .badData, ":1: `max-slots=x`"),
  ])
  func hostfilesThatMakeNoSense(text: String, kind: Failure.Kind, part: String) throws {
    let failure = #expect(throws: Failure.self) { try Hostfile(path: Self.file(text)) }
    #expect(
      failure?.kind == kind && failure?.message.contains(part) == true, "\(String(describing: failure))")
  }

  @Test func lostHostsAreLeftOut() throws {
    let hostfile = try Hostfile(path: Self.file("a slots=2\nb slots=3\nc\n"))
    let left = hostfile.without(["b"])
    #expect(left.text == "a slots=2\nc slots=1\n" && left.slots == 3)
  }

  @Test func anotherTryGoesOnAndNeverOverwrites() {
    let command = ["recur", "train", "r", "--overwrite", "--resume", "never", "--out", "d", "--resume=x"]
    let plan = LaunchPlan(command: command)
    #expect(plan.resuming().command == ["recur", "train", "r", "--out", "d", "--resume", "auto"])
    #expect(plan.resuming().resuming() == plan.resuming())
    #expect(plan.namesRun && !LaunchPlan(command: ["recur", "train", "r"]).namesRun)
  }

  @Test(
    arguments: [
      (0, false, Supervisor.Verdict.done), (0, true, .done), (64, false, .final), (65, false, .final),
      (70, false, .final),
      (74, false, .retry), (75, false, .retry), (137, false, .retry), (1, false, .retry), (75, true, .final),
    ] as [(Int32, Bool, Supervisor.Verdict)])
  func whichEndsAreWorthAnotherTry(code: Int32, stopping: Bool, expected: Supervisor.Verdict) {
    #expect(Supervisor.verdict(code, stopping: stopping) == expected)
  }

  @Test func listsOfProcessors() {
    #expect(Machine.list("0-3,8,10-11") == [0, 1, 2, 3, 8, 10, 11])
    #expect(Machine.list("x") == [] && Machine.list("3-1") == [])
    #expect((1...ProcessInfo.processInfo.processorCount).contains(Machine.usableCores()))
  }

  static func file(_ text: String) throws -> String {
    let file = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try text.write(to: file, atomically: true, encoding: .utf8)
    return file.path
  }
}
