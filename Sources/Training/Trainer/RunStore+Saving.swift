import Collective
import Diagnostics

/// What is kept of an epoch's end.
enum Keeping {
  /// A checkpoint; with `.best`, in place of a better one that waits in memory.
  case save, saveBest
  /// The best so far waits in memory for its turn: epochs may take microseconds, and then not each that is better is worth a file.
  case hold
}

extension RunStore {
  /// - epoch: from 1, the one that has ended.
  /// - Returns: nil where nothing is kept.
  func keeping(afterEpoch epoch: Int, improved: Bool) -> Keeping? {
    let isDue = recipe.checkpoint.isDue(epoch)
    let isBest = improved && recipe.checkpoint.keepBest > 0
    if isBest { return isEarly && !isDue ? .hold : .saveBest }
    return isDue ? .save : nil
  }

  private var isEarly: Bool { Double(monotonicNanoseconds() - lastSave) < 1e9 }

  func save(_ standing: RunStanding, _ tensors: [NamedTensor]) throws {
    if heldStep == standing.state.step { forgetHeld() }
    try saveHeld()
    try directory?.save(standing.checkpointState(template), tensors)
    lastSave = monotonicNanoseconds()
  }

  /// Whether the present state is saved or is being saved just now.
  func hasSaved(_ state: RunState) -> Bool { directory?.isHanded(state.place) ?? true }

  /// Keeps a copy of the present state, the best so far, for `saveHeld`.
  func hold(_ standing: RunStanding, _ tensors: [NamedTensor]) throws {
    try directory?.hold(standing.checkpointState(template), tensors)
    heldStep = standing.state.step
  }

  func forgetHeld() {
    directory?.forgetHeld()
    heldStep = nil
  }

  func saveHeld() throws {
    guard heldStep != nil else { return }
    try directory?.saveHeld()
    heldStep = nil
    lastSave = monotonicNanoseconds()
  }

  /// Saves the best that waits, once a second is over.
  func saveHeldIfLate() throws { if !isEarly { try saveHeld() } }

  /// Writes what was seen at the last of too many bad steps, and the best state that waits.
  func dump(_ dump: BadStepDump) throws {
    try directory?.write(BadStepDump.fileName, String(decoding: JSON.encoder().encode(dump), as: UTF8.self))
    try saveHeld()
  }

  /// The checkpoint that the run has chosen by a validation metric, if any. Waits for saves.
  func best() throws -> CheckpointFile? {
    guard let directory, let metric = recipe.checkpoint.choosingMetric else { return nil }
    try saveHeld()
    _ = try directory.newestSaved()
    guard let path = directory.bestPath(by: metric) else { return nil }
    return try CheckpointFile(reading: path)
  }
}

extension CheckpointSpecification {
  /// Whether a checkpoint is due at the end of this epoch (counted from 1), or this many nanoseconds after the last one.
  func isDue(_ epoch: Int) -> Bool { everyEpochs.map { epoch % $0 == 0 } ?? false }
  func isDue(_ nanoseconds: UInt64) -> Bool { everySeconds.map { Double(nanoseconds) > $0 * 1e9 } ?? false }
}
