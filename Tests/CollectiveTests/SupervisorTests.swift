import Diagnostics
import Foundation
import TestSupport
import Testing

/// `recur launch` around real jobs that fail in the ways jobs fail.
@Suite(.tags(.mpi), .serialized, .enabled(if: find("mpirun") != nil, "mpirun is not installed"))
struct SupervisorTests {
  @Test func restartsFromTheNewestCheckpointUntilDone() throws {
    try WatchedJob.withFile { file in
      let outcome = try WatchedJob.launch(
        3, restarts: 3, file, ["75", "137", "0", "--out", "d", "--overwrite"])
      #expect(outcome.status == 0, "\(outcome.errors)")
      let runs = WatchedJob.runs(file)
      #expect(runs.map { $0.hasSuffix("--resume auto") } == [false, true, true])
      #expect(runs.map { $0.hasPrefix("3 ") } == [true, true, true])
      #expect(runs.map { $0.contains("--overwrite") } == [true, false, false])
      #expect(outcome.errors.contains("restart 1 of 3") && outcome.errors.contains("ended by signal 9"))
    }
  }

  /// What starts the ranks ends with a code of its own, as a busy mpirun does that missed how a rank left: what the ranks told counts.
  @Test(arguments: ["exit 1", "exit 75", "exit 137", "kill -KILL $$"])
  func whatStartsTheRanksMayFailAfterThem(end: String) throws {
    try WatchedJob.withFile { file in
      let script = file + ".starter"
      defer { try? FileManager.default.removeItem(atPath: script) }
      try "#!/bin/sh\nmpirun \"$@\" && \(end)\n".write(toFile: script, atomically: true, encoding: .utf8)
      chmod(script, 0o755)
      for (code, status) in [("0", 0), ("65", 65)] as [(String, Int32)] {
        try? FileManager.default.removeItem(atPath: file)
        let outcome = try run(
          built("collective-check"), ["launch", "2", "1", "job", file, code, code, "--out", "d"],
          environment: ["CHECK_STARTER": script])
        #expect(outcome.status == status, "\(outcome.errors)")
        #expect(WatchedJob.runs(file).count == 1, "\(outcome.errors)")
        #expect(outcome.errors.contains("after all ranks had done their work") == (status == 0))
      }
    }
  }

  @Test func theJobsOwnFaultIsNotRetried() throws {
    try WatchedJob.withFile { file in
      let outcome = try WatchedJob.launch(2, restarts: 3, file, ["65", "0", "--out", "d"])
      #expect(outcome.status == 65)
      #expect(WatchedJob.runs(file).count == 1)
    }
  }

  @Test func restartsAreBounded() throws {
    try WatchedJob.withFile { file in
      let outcome = try WatchedJob.launch(2, restarts: 1, file, ["75", "75", "0", "--out", "d"])
      #expect(outcome.status == 75)
      #expect(outcome.errors.contains("gave up after 1 restart"))
      #expect(WatchedJob.runs(file).count == 2)
    }
  }

  @Test func restartsNeedARunToGoOnWith() throws {
    try WatchedJob.withFile { file in
      let outcome = try WatchedJob.launch(2, restarts: 1, file, ["0"])
      #expect(outcome.status == 64 && outcome.errors.contains("--out DIR"))
    }
  }

  @Test(arguments: [SIGTERM, SIGINT]) func asksTheRanksToStopAndDoesNotRestart(signal: Int32) throws {
    try WatchedJob.withFile { file in
      let outcome = try WatchedJob.launch(2, restarts: 3, file, ["wait", "0", "--out", "d"]) { launcher in
        WatchedJob.waitForRuns(1, file)
        kill(launcher, signal)
      }
      #expect(outcome.status == 75, "\(outcome.errors)")
      #expect(WatchedJob.runs(file).count == 1)
    }
  }

  @Test func survivesTheEndOfMpirunItself() throws {
    try WatchedJob.withFile { file in
      let outcome = try WatchedJob.launch(3, restarts: 2, file, ["wait", "0", "--out", "d"]) { launcher in
        WatchedJob.waitForRuns(1, file)
        kill(WatchedJob.child(of: launcher), SIGKILL)
      }
      #expect(outcome.status == 0, "\(outcome.errors)")
      #expect(WatchedJob.runs(file).count == 2)
      // The first run's ranks are gone: two runs must never write side by side.
      let first = WatchedJob.runs(file)[0].split(separator: " ")[1].split(separator: ",").compactMap {
        pid_t($0)
      }
      #expect(first.count == 3 && first.allSatisfy { !WatchedJob.runs(pid: $0) })
    }
  }

  /// A rank is killed, and mpirun, which is stopped here, does nothing about it.
  @Test func aKilledRankIsMissedWhereMpirunHangs() throws {
    try WatchedJob.withFile { file in
      let outcome = try WatchedJob.launch(2, restarts: 1, file, ["wait", "0", "--out", "d"]) { launcher in
        WatchedJob.waitForRuns(1, file)
        kill(WatchedJob.child(of: launcher), SIGSTOP)
        kill(WatchedJob.ranks(file)[1], SIGKILL)
      }
      #expect(outcome.status == 0, "\(outcome.errors)")
      #expect(outcome.errors.contains("mpirun does not end after its ranks have; it is killed"))
      #expect(WatchedJob.runs(file).count == 2)
    }
  }

  /// A name in the hostfile that nobody answers to.
  @Test func aHostThatDoesNotAnswerIsNamed() throws {
    try WatchedJob.withFile { file in
      let hosts = file + ".hosts"
      try "nobody.invalid slots=1\n".write(toFile: hosts, atomically: true, encoding: .utf8)
      let outcome = try run(
        built("collective-check"), ["launch", "1", "0", "job", file, "0"],
        environment: ["CHECK_HOSTFILE": hosts, "CHECK_AGENT": "false"])
      #expect(outcome.status == 75, "\(outcome.errors)")
      #expect(
        outcome.errors.contains("no answer from nobody.invalid: check the hostfile"), "\(outcome.errors)")
      #expect(WatchedJob.runs(file).isEmpty)
    }
  }

  /// One that is gone costs the whole patience: many are asked at once. One after the other it would be 100 s.
  @Test func hostsAreAskedAtTheSameTime() throws {
    try WatchedJob.withFile { file in
      let (hosts, agent) = (file + ".hosts", file + ".agent")
      defer { for path in [hosts, agent] { unlink(path) } }
      let names = (1...20).map { "nobody-\($0).invalid" }
      try names.map { "\($0) slots=1\n" }.joined().write(toFile: hosts, atomically: true, encoding: .utf8)
      // mpirun's own calls fail at once.
      let script = "#!/bin/sh\n[ \"$2\" = true ] && sleep 5\nexit 255\n"
      try script.write(toFile: agent, atomically: true, encoding: .utf8)
      chmod(agent, 0o755)
      let outcome = try run(
        built("collective-check"), ["launch", "20", "0", "job", file, "0"],
        environment: ["CHECK_HOSTFILE": hosts, "CHECK_AGENT": agent])
      #expect(outcome.status == 75 && outcome.seconds < 75, "\(outcome.seconds) s, \(outcome.errors)")
      #expect(outcome.errors.contains("no answer from \(names.joined(separator: ", ")): check the hostfile"))
    }
  }

  /// A request to stop reaches whoever waits for it, with a temporary hostfile too: no other thread takes it, whatever it is at.
  @Test func noThreadTakesARequestAway() throws {
    try WatchedJob.withFile { file in
      let hosts = file + ".hosts"
      defer { unlink(hosts) }
      try "localhost slots=2\n".write(toFile: hosts, atomically: true, encoding: .utf8)
      var blocked: [UInt64] = []
      let outcome = try run(
        built("collective-check"), ["launch", "2", "0", "job", file, "wait"],
        environment: ["CHECK_HOSTFILE": hosts]
      ) { launcher in
        WatchedJob.waitForRuns(1, file)
        let tasks = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(launcher)/task")) ?? []
        blocked = tasks.filter { $0 != "\(launcher)" }.map {
          WatchedJob.blockedSignals("/proc/\(launcher)/task/\($0)")
        }
        kill(launcher, SIGTERM)
      }
      #expect(outcome.status == 75, "\(outcome.errors)")
      let wanted = [SIGTERM, SIGINT, SIGUSR1, SIGHUP].reduce(UInt64(0)) { $0 | 1 << UInt64($1 - 1) }
      #expect(blocked.count == 2 && blocked.allSatisfy { $0 & wanted == wanted }, "\(blocked)")
    }
  }

  /// Stopped and set going again with all its ranks; nobody is blamed for the time between.
  @Test func suspendingReachesTheWholeJob() throws {
    try WatchedJob.withFile { file in
      let outcome = try WatchedJob.launch(2, restarts: 0, file, ["wait", "0", "--out", "d"]) { launcher in
        WatchedJob.waitForRuns(1, file)
        let all = [launcher, WatchedJob.child(of: launcher)] + WatchedJob.ranks(file)
        #expect(all.count == 4 && !all.contains { WatchedJob.isStopped($0) })
        kill(launcher, SIGTSTP)
        #expect(WatchedJob.holds(within: 5) { all.allSatisfy { WatchedJob.isStopped($0) } })
        usleep(500_000)
        kill(launcher, SIGCONT)
        #expect(WatchedJob.holds(within: 5) { !all.contains { WatchedJob.isStopped($0) } })
        kill(launcher, SIGTERM)
      }
      #expect(outcome.status == 75 && !outcome.errors.contains("has waited"), "\(outcome.errors)")
    }
  }

  /// Whoever of the two is killed, and whether a rank is stopped then: nothing of the job is left.
  @Test(arguments: [(true, false), (true, true), (false, true)])
  func noRankOutlivesItsLauncher(killsSupervisor: Bool, stopsRank: Bool) throws {
    try WatchedJob.withFile { file in
      let outcome = try WatchedJob.launch(3, restarts: 0, file, ["wait", "0", "--out", "d"]) { launcher in
        WatchedJob.waitForRuns(1, file)
        let all = [WatchedJob.child(of: launcher)] + WatchedJob.ranks(file)
        #expect(all.count == 4)
        if stopsRank { kill(all[2], SIGSTOP) }
        kill(killsSupervisor ? launcher : all[0], SIGKILL)
        #expect(WatchedJob.holds(within: 5) { !all.contains { WatchedJob.runs(pid: $0) } })
      }
      #expect(outcome.status == (killsSupervisor ? SIGKILL : 128 + SIGKILL), "\(outcome.errors)")
    }
  }

  /// mpirun alone, killed: a rank that is stopped notices as well.
  @Test func noRankOutlivesMpirunAlone() throws {
    try WatchedJob.withFile { file in
      let root = getuid() == 0 ? ["--allow-run-as-root"] : []
      let words = root + ["--oversubscribe", "-n", "2", built("collective-check"), "job", file, "wait"]
      _ = try run(find("mpirun")!, words) { mpirun in
        WatchedJob.waitForRuns(1, file)
        let ranks = WatchedJob.ranks(file)
        kill(ranks[1], SIGSTOP)
        kill(mpirun, SIGKILL)
        #expect(WatchedJob.holds(within: 5) { !ranks.contains { WatchedJob.runs(pid: $0) } })
      }
    }
  }

  /// What stands in a command line, and so in mpirun's lines, means nothing to the supervisor.
  @Test func wordsOfAFailureAreJustWords() throws {
    try WatchedJob.withFile { file in
      let words = [
        "mpirun noticed that", "mpirun detected that", "MPI_ABORT was invoked", "Primary job  terminated",
        "gives up; ends with exit code 75, start again to resume",
      ]
      let outcome = try run(
        built("collective-check"), ["launch", "2", "0", "job", file, "tell"] + words,
        environment: ["CHECK_PATIENCE": "1"])
      #expect(outcome.status == 0, "\(outcome.errors)")
      #expect(
        words.allSatisfy { outcome.errors.contains("\n\($0)\n") } && !outcome.errors.contains("is killed"))
    }
  }

  /// The reader of what is printed goes away: the job goes on to its end.
  @Test func aReaderThatGoesAwayCostsTheDisplayAlone() throws {
    try WatchedJob.withFile { file in
      let line = ShellWords.quoted([
        built("collective-check"), "launch", "2", "0", "job", file, "talk", "--out", "d",
      ])
      let outcome = try run(
        find("bash")!, ["-c", "\(line) 2>&1 | head -n 1 > /dev/null; exit ${PIPESTATUS[0]}"])
      #expect(outcome.status == 0)
      #expect(WatchedJob.runs(file).count == 2, "\(WatchedJob.runs(file))")
      #expect(WatchedJob.ranks(file).allSatisfy { !WatchedJob.runs(pid: $0) })
    }
  }
}
