import Foundation
import TestSupport
import Testing

/// The scripts for batch systems, with programs that answer as those systems do. `SlurmTests` has a real one.
@Suite(.tags(.mpi)) struct BatchScriptTests {
  private let folder: Folder

  init() throws {
    folder = try Folder()
    try FileManager.default.createDirectory(
      at: folder.url.appendingPathComponent("bin"), withIntermediateDirectories: true)
  }

  /// A program that is found first, written in bash. `$log` is a file that is read by `log()`.
  private func program(_ name: String, _ body: String) throws {
    try folder.write("bin/\(name)", "#!/usr/bin/env bash\nlog='\(folder.path("log"))'\n\(body)\n")
    chmod(folder.path("bin/\(name)"), 0o755)
  }

  private func log() -> [String] {
    ((try? folder.read("log")) ?? "").split(separator: "\n").map(String.init)
  }

  /// As a shell starts it: the threads of tests block signals, and a program goes on with what its parent blocked. Neither a script's
  /// `trap` nor mpirun would hear of one.
  private func script(
    _ name: String, _ arguments: [String], _ environment: [String: String],
    meanwhile: ((pid_t) -> Void)? = nil
  ) throws -> Outcome {
    let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
    var (none, before) = (sigset_t(), sigset_t())
    sigemptyset(&none)
    pthread_sigmask(SIG_SETMASK, &none, &before)
    defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
    return try run(
      find("bash")!, [Command.repository.appendingPathComponent("launch/\(name)").path] + arguments,
      environment: environment.merging(["PATH": "\(folder.path("bin")):\(path)"]) { $1 }, limit: 120,
      meanwhile: meanwhile)
  }

  // Slurm

  /// Whether a job goes back into the queue: what it ends with, how often it has been there, what is the most.
  @Test(arguments: [
    (75, "", "", 75, 1, true), (75, "9", "", 75, 1, true), (75, "10", "", 75, 1, false),
    (75, "2", "2", 75, 1, false), (75, "11", "", 75, 0, false), (0, "3", "", 0, 1, false),
    (65, "", "", 65, 1, false), (137, "", "", 137, 1, false), (75, "", "few", 64, 0, false),
  ])
  func aSlurmJobIsRequeuedSoOften(
    code: Int, restarts: String, most: String, status: Int, runs: Int, isRequeued: Bool
  ) throws {
    try program("recur", "echo \"recur $*\" >>\"$log\"; exit \(code)")
    try program("scontrol", "echo \"scontrol $*\" >>\"$log\"")
    var environment = ["SLURM_JOB_ID": "17", "RECUR": folder.path("bin/recur"), "SLURM_CPUS_PER_TASK": "2"]
    if !restarts.isEmpty { environment["SLURM_RESTART_COUNT"] = restarts }
    if !most.isEmpty { environment["MAX_REQUEUES"] = most }
    let outcome = try script("slurm.sbatch", ["a recipe.yaml", "out", "--json"], environment)
    #expect(outcome.status == status)
    let run = "recur launch -- train a recipe.yaml --out out --resume auto --threads 2 --json"
    #expect(log() == Array(repeating: run, count: runs) + (isRequeued ? ["scontrol requeue 17"] : []))
    let isGivenUp = status == 75 && !isRequeued
    #expect(outcome.errors.contains("sbatch again goes on from the newest checkpoint") == isGivenUp)
  }

  @Test func aSlurmJobSaysWhatItNeeds() throws {
    let text = try String(
      contentsOf: Command.repository.appendingPathComponent("launch/slurm.sbatch"), encoding: .utf8)
    for line in ["--mem-per-cpu=2G", "--requeue", "--signal=B:USR1@120", "--open-mode=append"] {
      #expect(text.contains("\n#SBATCH \(line)\n"))
    }
  }

  // PBS

  /// Three jobs, each after the first only where the one before it did not end well; each has the words as they were given.
  @Test func aPBSChainIsHandedIn() throws {
    try program(
      "qsub",
      """
      number=$(($(wc -l <"$log" 2>/dev/null || echo 0) + 1))
      echo "${*:1:$#-1} [$RECUR_WORDS] ${*: -1}" >>"$log"
      echo "$number.server"
      """)
    try folder.write("log", "")
    let words = ["a recipe.yaml", "out", "--set", "name=it's $x, \"y\""]
    let outcome = try script("pbs.sh", words, ["THREADS": "2", "QSUB": "-q long"])
    #expect(outcome.status == 0 && outcome.output == "1.server\n2.server\n3.server\n", "\(outcome.errors)")
    let lines = log()
    #expect(lines.count == 3 && lines[0].hasPrefix("-v RECUR_WORDS,THREADS -q long ["))
    #expect(lines[1].hasPrefix("-v RECUR_WORDS,THREADS -W depend=afternotok:1.server -q long ["))
    #expect(lines[2].hasPrefix("-v RECUR_WORDS,THREADS -W depend=afternotok:2.server -q long ["))
    let handed = lines[0].split(separator: "[")[1].split(separator: "]")[0]
    let read = try run(
      find("bash")!, ["-c", "eval \"set -- $1\"; printf '%s\\n' \"$@\"", "bash", String(handed)])
    #expect(read.output == words.map { $0 + "\n" }.joined())
    for wrong in [["TRIES": "0"], ["TRIES": "many"]] {
      let refused = try script("pbs.sh", words, wrong)
      #expect(refused.status == 64 && refused.errors.contains("TRIES is "))
    }
    #expect(try script("pbs.sh", ["only"], [:]).status == 64)
    #expect(log().count == 3)
  }

  /// A job of two ranks on this machine whose time is soon up, or that is told by `qsig`, and the next one, which goes on.
  @Test(.enabled(if: find("mpirun") != nil, "mpirun is not installed"), arguments: [false, true])
  func aPBSJobSavesInTime(isTold: Bool) throws {
    try folder.writeWave(epochs: 1_000_000)
    try folder.write("nodes", "localhost\nlocalhost\n")
    try program(
      "qstat",
      "[[ -e \(folder.path("unlimited")) ]] || printf 'Job Id: 1\\n    Resource_List.walltime = \(isTold ? "01:00:00" : "00:00:30")\\n'"
    )
    func job(_ more: String..., meanwhile: ((pid_t) -> Void)? = nil) throws -> Outcome {
      let words = ["wave.yaml", "run", "--json", "--set", "checkpoint.every_epochs=50"] + more
      return try script(
        "pbs.sh", [],
        [
          "PBS_JOBID": "1", "PBS_O_WORKDIR": folder.url.path, "PBS_NODEFILE": folder.path("nodes"),
          "RECUR_WORDS": words.joined(separator: " "), "RECUR": Command.executable.path,
          "PBS_ENVIRONMENT": "PBS_BATCH",
        ], meanwhile: meanwhile)
    }
    let first = try job { script in
      guard isTold else { return }
      for _ in 0..<6000 where !folder.holds("run/checkpoints/latest") { usleep(10_000) }
      kill(script, SIGUSR1)
    }
    #expect(first.status == 75 && first.seconds < 115, "\(first.errors)")
    let report = try Command.Outcome(first).json()
    #expect(report["status"] as? String == "interrupted" && report["ranks"] as? Int == 2)
    try folder.write("unlimited", "")
    let epochs = try #require(report["epochs"] as? Int)
    let second = try job("--set", "train.epochs=\(epochs + 2)")
    #expect(second.status == 0 && second.errors.contains("resumed"), "\(second.errors)")
    #expect(try Command.Outcome(second).json()["epochs"] as? Int == epochs + 2)
  }

  // Flux

  @Test func aFluxChainIsHandedIn() throws {
    try program(
      "flux", "echo \"$RECUR_IN_FLUX $*\" >>\"$log\"; echo \"f$(wc -l <\"$log\")\"")
    let path = Command.repository.appendingPathComponent("launch/flux.sh").path
    let outcome = try script(
      "flux.sh", ["r.yaml", "out", "--json"], ["TRIES": "2", "FLUX_BATCH": "--queue=long"])
    #expect(outcome.status == 0 && outcome.output == "f1\nf2\n", "\(outcome.errors)")
    #expect(
      log() == [
        "yes batch --queue=long \(path) r.yaml out --json",
        "yes batch --dependency=afternotok:f1 --queue=long \(path) r.yaml out --json",
      ])
    #expect(try script("flux.sh", ["only"], [:]).status == 64)
    #expect(try script("flux.sh", ["r.yaml", "out"], ["TRIES": "-1"]).status == 64)
  }

  /// A job whose ranks get Flux' signal before its time is up, and the next one, without a limit.
  @Test(.enabled(if: find("mpirun") != nil, "mpirun is not installed"))
  func aFluxJobSavesInTime() throws {
    try folder.writeWave(epochs: 1_000_000)
    try program(
      "flux",
      """
      echo "$*" >>"$log"
      case $1 in
        resource) echo 4 ;;
        job) [[ -e \(folder.path("unlimited")) ]] && echo 4294967295 || echo 30 ;;
        run)
          shift
          while [[ $1 == --* ]]; do
            [[ $1 != --ntasks=* ]] || ranks=${1#*=}
            shift
          done
          root=(); ((EUID != 0)) || root=(--allow-run-as-root)
          after=15; [[ ! -e \(folder.path("unlimited")) ]] || after=0
          exec timeout --foreground --preserve-status --signal=USR1 $after \\
            mpirun "${root[@]}" --oversubscribe --bind-to none --mca mpi_yield_when_idle 1 -n $ranks "$@" ;;
      esac
      """)
    func job(_ more: String...) throws -> Outcome {
      try script(
        "flux.sh", [folder.path("wave.yaml"), folder.path("run"), "--json"] + more,
        ["RECUR_IN_FLUX": "yes", "THREADS": "2", "PMI": "pmix", "RECUR": Command.executable.path])
    }
    let first = try job()
    #expect(first.status == 75, "\(first.errors)")
    let line = "run --ntasks=2 --cores-per-task=2 --setopt=pmi=pmix --time-limit=30s --signal=SIGUSR1@15s "
    #expect(log().last?.hasPrefix(line) == true, "\(log())")
    let report = try Command.Outcome(first).json()
    #expect(report["status"] as? String == "interrupted" && report["ranks"] as? Int == 2)
    try folder.write("unlimited", "")
    let epochs = try #require(report["epochs"] as? Int)
    let second = try job("--set", "train.epochs=\(epochs + 2)")
    #expect(second.status == 0 && second.errors.contains("resumed"), "\(second.errors)")
    #expect(
      log().last?.hasPrefix("run --ntasks=2 --cores-per-task=2 --setopt=pmi=pmix \(Command.executable.path)")
        == true)
  }
}
