import Collective
import TestSupport
import Testing

/// Who adds gradients: an MPI's collective only where it was plainly faster, and what was measured is remembered whole or not at all.
@Suite(.tags(.mpi)) struct SumTrialTests {
  private static func trial(_ own: Double?, _ reduce: Double, _ other: Double) -> SumTrial {
    let library: [SumTrial.Time] = [
      .init(.allReduce, milliseconds: reduce), .init(.nonblocking, milliseconds: other),
    ]
    return SumTrial((own.map { [.init(.own, milliseconds: $0)] } ?? []) + library)
  }

  @Test func onlyWhatIsPlainlyFaster() {
    #expect(Self.trial(1, 0.9, 2).choice == .own)
    #expect(Self.trial(1, 0.81, 0.82).choice == .own)
    #expect(Self.trial(1, 0.8, 2).choice == .allReduce)
    #expect(Self.trial(1, 0.7, 0.5).choice == .nonblocking)
    // Nothing to compare it with: a library was asked for.
    #expect(Self.trial(nil, 3, 2).choice == .nonblocking)
    #expect(SumTrial([.init(.own, milliseconds: 1)]).choice == .own)
  }

  @Test func aTextIsReadAsItWasWritten() {
    let trial = Self.trial(1.25, 0.1, 1e-7)
    let text = trial.text("key of a launch")
    #expect(SumTrial(text, key: "key of a launch") == trial)
    #expect(SumTrial(text, key: "key of another") == nil)
  }

  @Test func aDamagedTextIsNone() {
    let text = Self.trial(1.25, 0.1, 2).text("key")
    for end in text.indices {
      let cut = SumTrial(String(text[..<end]), key: "key")
      #expect(cut == nil, "cut to \(text[..<end])")
    }
    for (from, to) in [("1.25", "nan"), ("1.25", "-1"), ("own", "our"), ("0.1", "0.1 0.2"), ("1.25", "inf")] {
      #expect(SumTrial(text.replacing(from, with: to), key: "key") == nil, "\(to)")
    }
  }

  @Test func namesAreMPIs() {
    #expect(
      SumEngine.library.map(\.rawValue) == ["MPI_Allreduce", "MPI_Iallreduce", "MPI_Reduce_scatter_block"])
    #expect(SumEngine.allCases == [.own] + SumEngine.library)
  }
}
