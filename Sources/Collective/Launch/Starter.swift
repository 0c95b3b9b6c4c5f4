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
    let name = program.split(separator: "/").last.map(String.init) ?? program
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

  /// The interfaces of the MPI whose ranks it starts, likeliest first.
  package var interfaces: [MPIInterface] {
    switch self {
    case .openMPI, .prterun: [.openMPI, .standard]
    case .hydra, .intel: [.mpich, .standard]
    case .srun: MPIInterface.allCases
    }
  }
}

extension LaunchPlan {
  /// What this starter can't be told, as a usage error.
  package func checkStarter() throws {
    if starter == .srun, hostfile != nil || agent != nil {
      throw Failure.usage(
        "srun starts ranks on the machines of its allocation by itself: leave --hostfile and --agent out")
    }
    if starter == .hydra || starter == .intel, let network, network.utf8.contains(UInt8(ascii: "/")) {
      throw Failure.usage(
        "--network \(network): \(starter.rawValue) wants a device such as eth0 (`ip -brief address` lists them)"
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
  func otherArguments(hostfilePath: String?, fits: Bool) -> [String] {
    switch starter {
    case .srun: srunArguments(fits: fits)
    case .prterun: prterunArguments(hostfilePath, fits: fits)
    default: hydraArguments(hostfilePath, fits: fits)
    }
  }

  private func hydraArguments(_ hostfilePath: String?, fits: Bool) -> [String] {
    var line: [String] = []
    if let hostfilePath { line += ["-f", hostfilePath] }
    if let network { line += ["-iface", network] }
    if let agent { line += ["-launcher", "ssh", "-launcher-exec", agent] }
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
      line.append("--export=ALL,OMPI_MCA_btl_tcp_if_include=\(network),FI_TCP_IFACE=\(network)")
    }
    return line + command
  }

  private func prterunArguments(_ hostfilePath: String?, fits: Bool) -> [String] {
    var line = isRoot ? ["--allow-run-as-root"] : []
    line += ["-n", "\(rankCount)"]
    if let hostfilePath { line += ["--hostfile", hostfilePath] }
    line += ["--map-by", fits ? "slot:PE=\(threadsPerRank)" : "slot:OVERSUBSCRIBE"]
    line += ["--bind-to", fits ? "core:overload-allowed" : "none"]
    if !fits { line += ["-x", "OMPI_MCA_mpi_yield_when_idle=1"] }
    if let network {
      line += ["--prtemca", "prte_if_include", network, "-x", "OMPI_MCA_btl=tcp,sm,self"]
      line += ["-x", "OMPI_MCA_pml=ob1", "-x", "OMPI_MCA_btl_tcp_if_include=\(network)"]
    }
    if let agent { line += ["--prtemca", "plm_ssh_agent", agent] }
    return line + ["--stdin", "none"] + command
  }
}
