import Diagnostics

extension RunDirectory {
  /// Which checkpoints stay. The last two valid ones and the best always do.
  public struct Retention: Equatable, Sendable {
    public var keepLast: Int
    public var keepBest: Int
    public init(keepLast: Int = 3, keepBest: Int = 1) {
      self.keepLast = keepLast
      self.keepBest = keepBest
    }
  }
}

/// What is known about one checkpoint in a run directory.
package struct CatalogueEntry: Equatable, Sendable {
  package var step: Int
  /// The value that decides which is best; lower is better. Nil where there is none, or where it is not finite.
  var rank: Double?
  /// What was measured.
  var metric: Name?
  /// Written and read back by this process, or verified by it.
  package var isVerified: Bool

  package init(step: Int, monitored: CheckpointState.Monitored?, isVerified: Bool) {
    self.step = step
    self.isVerified = isVerified
    metric = monitored.map { Name($0.name) }
    rank = monitored.flatMap { !$0.value.isFinite ? nil : $0.higherIsBetter ? -$0.value : $0.value }
  }

  var name: String { CatalogueEntry.name(of: step) }

  package static func name(of step: Int) -> String {
    let digits = String(step)
    return "step-" + String(repeating: "0", count: max(0, 8 - digits.count)) + digits + ".safetensors"
  }

  /// The step in a checkpoint's name; nil for any other name.
  package static func step(in name: String) -> Int? {
    // text: names of this program.
    guard name.hasPrefix("step-"), name.hasSuffix(".safetensors") else { return nil }
    guard let step = Int(name.dropFirst(5).dropLast(12)), step >= 0, self.name(of: step) == name else {
      return nil
    }
    return step
  }
}

extension [CatalogueEntry] {
  /// The best first; on equal values the older one. Without a value a checkpoint is never best.
  var byRank: [CatalogueEntry] {
    filter { $0.rank != nil }.sorted { ($0.rank!, $0.step) < ($1.rank!, $1.step) }
  }

  /// The ones that may go: never the last two verified, never the best.
  package func superfluous(_ retention: RunDirectory.Retention) -> [CatalogueEntry] {
    let newest = sorted { $0.step > $1.step }
    let best = Swift.max(1, retention.keepBest)
    let kept =
      newest.prefix(Swift.max(0, retention.keepLast)) + newest.filter(\.isVerified).prefix(2)
      + byRank.prefix(best) + filter(\.isVerified).byRank.prefix(best)
    let steps = Set(kept.map(\.step))
    return newest.filter { !steps.contains($0.step) }
  }
}
