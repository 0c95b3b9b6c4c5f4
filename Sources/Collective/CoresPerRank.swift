extension Communicator {
  /// How many cores this rank may keep busy: its own where the launcher bound it to some, else its share of the machine's.
  package var coresPerRank: Int {
    let usable = Machine.usableCores()
    let isBound = Machine.allowedProcessors().count < Machine.processors
    return localSize == 1 || isBound ? usable : max(1, usable / localSize)
  }
}
