import Diagnostics

/// Kinds of programs that start ranks: each has its own options.
package enum Starter: String, CaseIterable, Sendable {
  /// Open MPI's mpirun.
  case openMPI = "Open MPI's mpirun"
  /// Open MPI 5's own launcher, where it runs without mpirun.
  case prterun
  /// The mpiexec and mpirun of MPICH, MVAPICH and others.
  case hydra = "MPICH's mpiexec"
  /// The mpiexec and mpirun of Intel MPI.
  case intel = "Intel MPI's mpiexec"
  case srun = "Slurm's srun"

  /// The kind of a program, by its name, or by what it says about its version.
  /// - version: the output of `PROGRAM --version`.
  package init?(program: String, version: () -> String?) {
    let name = program.utf8.split(separator: UInt8(ascii: "/")).last.map { String(Substring($0)) } ?? program
    switch name {
    case "srun": self = .srun
    case "prterun", "prun": self = .prterun
    default:
      guard let text = version() else { return nil }
      let signs: [(String, Starter)] = [
        ("Open MPI", .openMPI), ("OpenRTE", .openMPI), ("Intel(R) MPI", .intel), ("HYDRA", .hydra),
        ("PRRTE", .prterun), ("prterun", .prterun), ("slurm", .srun),
      ]
      guard let sign = signs.first(where: { text.hasWords($0.0) }) else { return nil }
      self = sign.1
    }
  }

  /// What to run for a program that was named. Intel MPI's mpirun is a shell script that ends at the first signal and passes none on:
  /// what it runs takes its place.
  package func program(_ named: String) -> String {
    let file = Array(named.utf8)
    let start = (file.lastIndex(of: UInt8(ascii: "/")) ?? -1) + 1
    guard self == .intel, file[start...].elementsEqual("mpirun".utf8) else { return named }
    return String(decoding: file[..<start], as: UTF8.self) + "mpiexec.hydra"
  }

  /// The interfaces of the MPI whose ranks it starts, likeliest first.
  package var interfaces: [MPIInterface] {
    switch self {
    case .openMPI, .prterun: [.openMPI, .standard]
    case .hydra, .intel: [.mpich, .standard]
    case .srun: MPIInterface.allCases
    }
  }

  /// Whether SIGTERM is for its ranks rather than for itself: it then waits for them, for one that is stopped without end. Where it is
  /// killed its proxies end the ranks of their machines.
  var passesSIGTERM: Bool { self == .hydra || self == .intel }

  /// Whether it passes Ctrl-Z on to ranks of other machines.
  var suspendsOtherMachines: Bool {
    switch self {
    case .openMPI, .prterun, .intel: true
    case .hydra, .srun: false
    }
  }

  /// The number of the rank that has this environment; nil where it is none that this starter started.
  package func rank(_ environment: [String: String]) -> Int? {
    kinds.lazy.compactMap { try? $0.launcher(environment)?.rank }.first
  }

  private var kinds: [LauncherKind] {
    let names =
      switch self {
      case .openMPI, .prterun: ["mpirun", "prterun"]
      case .hydra, .intel: ["mpiexec", "a PMI launcher"]
      case .srun: ["srun"]
      }
    return LauncherKind.all.filter { names.contains($0.name) }
  }
}

extension LaunchPlan {
  /// What this starter can't be told, as a usage error.
  package func checkStarter() throws(Failure) {
    switch starter {
    case .openMPI, .prterun: return
    case .srun: try checkSrun()
    case .hydra, .intel: try checkHydra()
    }
  }

  private func checkSrun() throws(Failure) {
    if hostfile != nil || agent != nil {
      throw .usage(
        "srun starts ranks on the machines of its allocation by itself: leave --hostfile and --agent out")
    }
    if let network, network.text.utf8.contains(UInt8(ascii: ",")) {
      throw .usage("--network \(network.text): srun passes on one device or range")
    }
  }

  private func checkHydra() throws(Failure) {
    if let network, network.text.utf8.contains(where: { "/,".utf8.contains($0) }) {
      throw .usage(
        "--network \(network.text): \(starter.rawValue) wants a device such as eth0 (`ip -brief address` lists them)"
      )
    }
    if let agent, agent.words.count > 1 {
      throw .usage(
        "--agent \(agent.line): \(starter.rawValue) takes a program without options; write the command into a script, and name that"
      )
    }
    let unfit = hostfile?.hosts.first { $0.name.utf8.contains { "@:".utf8.contains($0) } }
    if let unfit {
      throw .usage(
        "\(unfit.name): \(starter.rawValue) takes neither `user@` nor IPv6 addresses in a hostfile; give the machine a name in ~/.ssh/config"
      )
    }
  }

  /// The hostfile as the starter reads it.
  func text(of hostfile: Hostfile) -> String {
    switch starter {
    case .hydra, .intel: hostfile.hosts.map { "\($0.name):\($0.slots)\n" }.joined()
    default: hostfile.text
    }
  }

  /// The arguments of starters other than Open MPI's mpirun.
  /// - fits: whether every thread of every rank can have a core of its own.
  /// - isWatched: whether ranks of other machines get what a supervisor left for them in the environment.
  func otherArguments(hostfilePath: String?, isWatched: Bool, fits: Bool) -> [String] {
    let passesOn = isWatched && hostfile != nil
    return switch starter {
    case .srun: srunArguments(fits: fits)
    case .prterun: prterunArguments(hostfilePath, passesOn, fits: fits)
    default: hydraArguments(hostfilePath, passesOn, fits: fits)
    }
  }

  private func hydraArguments(_ hostfilePath: String?, _ passesOn: Bool, fits: Bool) -> [String] {
    var line: [String] = []
    if let hostfilePath { line += ["-f", hostfilePath] }
    if let network { line += ["-iface", network.text, "-genv", "FI_TCP_IFACE", network.text] }
    if let agent { line += ["-launcher", "ssh", "-launcher-exec", agent.line] }
    // By name it can't be passed on without the rest being left out; by value everybody would see it.
    if passesOn { line.append("-genvall") }
    if starter == .intel {
      line += fits ? ["-genv", "I_MPI_PIN_DOMAIN", "\(threadsPerRank)"] : ["-genv", "I_MPI_PIN", "0"]
    } else {
      line += ["-bind-to", fits ? "core:\(threadsPerRank)" : "none"]
    }
    return line + ["-n", "\(rankCount)"] + command
  }

  /// Slurm's own variable says which PMI to use where it is set; PMIx is what Open MPI and newer MPICHs understand.
  private func srunArguments(fits: Bool) -> [String] {
    var line = ["--ntasks=\(rankCount)", "--cpus-per-task=\(threadsPerRank)", "--kill-on-bad-exit=1"]
    line += ["--cpu-bind=\(fits ? "cores" : "none")", "--input=none"]
    if processEnvironment()["SLURM_MPI_TYPE"] == nil { line.append("--mpi=pmix") }
    if let network {
      line.append("--export=ALL,OMPI_MCA_btl_tcp_if_include=\(network.text),FI_TCP_IFACE=\(network.text)")
    }
    return line + command
  }

  private func prterunArguments(_ hostfilePath: String?, _ passesOn: Bool, fits: Bool) -> [String] {
    var line = isRoot ? ["--allow-run-as-root"] : []
    line += ["-n", "\(rankCount)"]
    if let hostfilePath { line += ["--hostfile", hostfilePath] }
    line += ["--map-by", fits ? "slot:PE=\(threadsPerRank)" : "slot:OVERSUBSCRIBE"]
    line += ["--bind-to", fits ? "core:overload-allowed" : "none"]
    if !fits { line += ["-x", "OMPI_MCA_mpi_yield_when_idle=1"] }
    if let network {
      line += ["--prtemca", "prte_if_include", network.text, "-x", "OMPI_MCA_btl=tcp,sm,self"]
      line += ["-x", "OMPI_MCA_pml=ob1", "-x", "OMPI_MCA_btl_tcp_if_include=\(network.text)"]
    }
    if let agent { line += ["--prtemca", "plm_ssh_agent", agent.line] }
    if passesOn { line += ["-x", JobChannel.variable] }
    return line + ["--stdin", "none"] + command
  }
}

extension String {
  /// Whether the bytes of these words are somewhere in it.
  fileprivate func hasWords(_ words: String) -> Bool {
    let (text, words) = (Array(utf8), Array(words.utf8))
    return text.count >= words.count
      && (0...text.count - words.count).contains { text[$0..<$0 + words.count].elementsEqual(words) }
  }
}
