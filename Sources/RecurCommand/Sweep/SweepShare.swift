import Collective
import Recur

/// Which trials a process of several that share a sweep begins with: each with others, so that they seldom want the same one. It goes
/// on with those of the others, as far as nobody has them.
struct SweepShare {
  /// From 0.
  var task = 0
  var tasks = 1

  /// That of a task of a Slurm array; nil outside of one.
  /// - Throws: `usage` where a variable holds no number.
  static func ofSlurmArray(_ environment: [String: String] = processEnvironment()) throws -> SweepShare? {
    guard let id = try Launcher.number("SLURM_ARRAY_TASK_ID", in: environment, from: 0) else { return nil }
    let least = try Launcher.number("SLURM_ARRAY_TASK_MIN", in: environment, from: 0) ?? 0
    let step = try Launcher.number("SLURM_ARRAY_TASK_STEP", in: environment, from: 1) ?? 1
    let tasks = try Launcher.number("SLURM_ARRAY_TASK_COUNT", in: environment, from: 1) ?? 1
    return SweepShare(task: max(0, id - least) / step % tasks, tasks: tasks)
  }

  /// Those of this process first, then those of the next one.
  func ordered(_ trials: [Int]) -> [Int] {
    (0..<tasks).flatMap { next in trials.filter { $0 % tasks == (task + next) % tasks } }
  }
}
