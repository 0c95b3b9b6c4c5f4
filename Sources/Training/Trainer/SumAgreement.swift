import Checkpoints
import Collective
import Diagnostics
import Files

/// What adds the gradients of a fast run: decided by the first worker for all, before the first step, so that the same ranks, hosts and MPI
/// give the same bits run after run and a run can go on as it began.
package struct SumAgreement {
  package let engine: SumEngine
  /// For a checkpoint; nil for own sums.
  let choice: SumChoice?
  /// What a person should see.
  let notes: [String]

  /// All workers call it, before their first step.
  /// - saved: of the checkpoint that the run goes on from; isResuming: whether there is one.
  /// - count: values of the gradients; mode: the first worker's counts.
  /// - files: where measurements are kept from run to run.
  package init(
    _ group: any Communicator, count: Int, saved: SumChoice?, isResuming: Bool, mode asked: SumMode,
    files: CacheFolder? = nil
  ) throws {
    let agreed = try group.broadcastBytes([UInt8](asked.rawValue.utf8))
    let mode = SumMode(rawValue: String(decoding: agreed, as: UTF8.self)) ?? .own
    guard let mpi = group as? MPI, mpi.size > 1 else {
      (engine, choice, notes) = (.own, nil, [])
      return
    }
    let library = mpi.libraryVersion
    if isResuming, mode == .auto {
      let known = saved.flatMap {
        $0.library.hasSameBytes(as: library) ? SumEngine(rawValue: $0.engine) : nil
      }
      engine = known ?? .own
      notes =
        saved == nil || known != nil
        ? []
        : [
          "the checkpoint's gradients were added by \(saved!.library), and here is \(library): own sums go on; \(Self.change)"
        ]
    } else {
      engine = try Self.decide(mode, mpi, count: count, files ?? CacheFolder())
      notes =
        isResuming && saved?.engine ?? SumEngine.own.rawValue != engine.rawValue
        ? ["RECUR_SUMS=\(mode.rawValue) takes \(engine.words); \(Self.change)"] : []
    }
    choice = engine == .own ? nil : SumChoice(engine: engine.rawValue, library: library)
  }

  private static let change = "its bits will not be those of an unbroken run"

  private static func decide(_ mode: SumMode, _ group: MPI, count: Int, _ files: CacheFolder) throws
    -> SumEngine
  {
    // Ranks of one machine add in memory: no message of a library is as fast.
    let isLocal = try group.placement().machines.count == 1
    if mode == .own || mode == .auto && isLocal { return .own }
    let hosts = try group.hostNames()
    let key = [
      "recur sums 1", mode.rawValue, group.libraryVersion, try group.placement().words,
      hosts.joined(separator: " "), "\(count) values",
    ].joined(separator: "; ").replacing("\n", with: " ")
    let name = "sums-\(CacheFolder.hash([key])).txt"
    let known = try group.broadcastBytes(group.rank == 0 ? files.read(name) ?? [] : [])
    if let text = String(validating: known, as: UTF8.self), let trial = SumTrial(text, key: key) {
      return trial.choice
    }
    let trial = try SumTrial(
      group, count: count, among: (mode == .auto ? [.own] : []) + SumEngine.library)
    if group.rank == 0 { files.write([UInt8](trial.text(key).utf8), as: name) }
    return trial.choice
  }
}

extension Trainer {
  /// Decides what adds gradients. A strict run, one that sends slices or fewer bytes, and one of a device have no choice.
  /// - saved: of the checkpoint that the run goes on from.
  func chooseSums(resuming saved: CheckpointState?) throws {
    let mode = try communicator.together { try SumMode.fromEnvironment() }
    var choice: SumChoice?
    if replica.step.device == nil, !roles.isCoordinator,
      let reduction = replica.step.learner.gradientSum.reduction
    {
      let agreement = try SumAgreement(
        roles.workers, count: replica.model.gradients.count, saved: saved?.sums, isResuming: saved != nil,
        mode: mode)
      reduction.engine = agreement.engine
      choice = agreement.choice
      for line in agreement.notes { recorder?.note(line) }
    }
    // A dedicated coordinator writes the checkpoints.
    let words = choice.map { "\($0.engine)\n\($0.library)" } ?? ""
    guard roles.isWorker || roles.isCoordinator else {
      sums = choice
      return
    }
    let all = try communicator.allGather([UInt8](words.utf8))
    sums = all.lazy.compactMap { SumChoice(text: String(decoding: $0, as: UTF8.self)) }.first
  }
}

extension SumChoice {
  fileprivate init?(text: String) {
    let parts = text.split(separator: "\n", maxSplits: 1).map(String.init)
    guard parts.count == 2 else { return nil }
    self.init(engine: parts[0], library: parts[1])
  }
}
