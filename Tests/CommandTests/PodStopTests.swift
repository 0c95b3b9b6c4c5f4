import Foundation
import TestSupport
import Testing

private let canIsolate =
  getuid() == 0 && find("mpirun") != nil && find("unshare") != nil && find("nsenter") != nil
  && (try? run(find("unshare")!, ["--pid", "--fork", "--mount-proc", "true"]).status) == 0

/// A pod that is to go, as a process tree of its own: its launcher is the first process, as in a container, and gets SIGTERM; a
/// worker's preStop hook (`cluster/stop`) asks the ranks themselves. Either way, and where both come, the ranks save.
@Suite(.tags(.mpi), .enabled(if: canIsolate, "needs root, mpirun and process namespaces"))
struct PodStopTests {
  enum Way: String, CaseIterable {
    case hook, launcher, both
  }

  @Test(arguments: Way.allCases) func ranksSaveBeforeTheirPodGoes(way: Way) throws {
    let folder = try Folder()
    try folder.writeWave(epochs: 1_000_000)
    let latest = folder.path("run/checkpoints/latest")
    var hook: Outcome?
    let outcome = try run(
      find("unshare")!,
      [
        "--pid", "--fork", "--mount-proc", "--kill-child", Command.executable.path, "launch", "-n", "2", "--",
        "train", folder.path("wave.yaml"), "--out", folder.path("run"), "--json", "--set",
        "checkpoint.every_epochs=50",
      ], limit: 120
    ) { unshare in
      for _ in 0..<6000 where !FileManager.default.fileExists(atPath: latest) { usleep(10_000) }
      // Without one there is nobody to ask: -1 would be every process of the machine.
      guard let launcher = Self.child(of: unshare) else { return }
      if way != .hook { kill(launcher, SIGTERM) }
      guard way != .launcher else { return }
      hook = try? run(
        find("nsenter")!, ["--target", "\(launcher)", "--pid", "--mount", Self.stop], limit: 60)
    }
    #expect(outcome.status == 75, "\(outcome.errors)")
    let report = try Command.Outcome(outcome).json()
    #expect(report["status"] as? String == "interrupted")
    let saved =
      try Command.run("inspect", folder.path("run"), "--json").json()["checkpoint"] as? [String: Any]
    #expect(saved?["step"] as? Int != nil && saved?["step"] as? Int == report["steps"] as? Int)
    // In time, and with nothing to say. A namespace whose first process has ended can't be entered any more.
    if way == .hook { #expect(hook?.status == 0 && hook?.output == "" && hook?.errors == "") }
  }

  private static let stop = Command.repository.appendingPathComponent("cluster/stop").path

  private static func child(of parent: pid_t) -> pid_t? {
    let list = try? String(contentsOfFile: "/proc/\(parent)/task/\(parent)/children", encoding: .utf8)
    return list?.split(separator: " ").first.flatMap { pid_t($0) }
  }
}
