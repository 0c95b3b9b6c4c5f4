import Diagnostics

/// Runs side by side: what their recipes differ in, and what they have reached, the best first.
public struct RunComparison: Sendable {
  public let runs: [RunSummary]
  /// What they are sorted by.
  public let metric: Metric
  /// The keys whose values are not the same in all recipes, in a recipe's order.
  public let keys: [Name]
  /// By run, of `keys`; nil where a recipe has no such key or there is none.
  public let settings: [[String?]]
  /// What to know before the numbers are compared, by run.
  public let notes: [[String]]

  /// - metric: what to sort by; that by which the first recipe chooses its best if not given, or the training loss where no run has
  ///   measured it.
  /// - tried: of each run what a sweep has set, which stands first whether it differs or not.
  public init(
    _ summaries: [RunSummary], by metric: Metric? = nil, tried: [[(key: Name, value: String)]] = []
  ) {
    let recipes = summaries.map(\.recipe)
    let metric = metric ?? Self.metric(of: summaries)
    let order = summaries.indices.sorted { a, b in
      let (first, second) = (metric.value(of: summaries[a]), metric.value(of: summaries[b]))
      guard let first else { return second == nil && a < b }
      guard let second, first != second else { return second == nil || a < b }
      return metric.increases ? first > second : first < second
    }
    let values = summaries.indices.map { run in
      let own = (tried.isEmpty ? [] : tried[run]) + (recipes[run]?.keyValues ?? [])
      return Dictionary(own.map { ($0.key, $0.value) }) { first, _ in first }
    }
    var known: Set<Name> = []
    let first = tried.joined().map(\.key).filter { known.insert($0).inserted }
    let all = recipes.flatMap { $0?.keyValues ?? [] }.map(\.key).filter { known.insert($0).inserted }
    let differing = all.filter { key in
      // What a deeper key that was tried says is told by that.
      if first.contains(where: { $0.text.hasBytes(first: "\(key).") }) { return false }
      let written = zip(recipes, values).filter { $0.0 != nil }.map { $0.1[key].map { Name($0) } }
      return written.contains { $0 != written.first }
    }
    keys = first + differing
    self.metric = metric
    runs = order.map { summaries[$0] }
    settings = order.map { [keys] run in keys.map { values[run][$0] } }
    notes = order.map { summaries[$0].notes + Self.differences(summaries[$0], from: summaries[order[0]]) }
  }

  private static func metric(of summaries: [RunSummary]) -> Metric {
    let own = summaries.lazy.compactMap { $0.recipe?.checkpoint.choosingMetric }.first
    let metric = Metric(own ?? MetricName(.validation, .loss))
    return summaries.contains { metric.value(of: $0) != nil } ? metric : Metric(MetricName(.train, .loss))
  }

  /// Why numbers of a run are not those of the first in the table.
  private static func differences(_ run: RunSummary, from first: RunSummary) -> [String] {
    guard let recipe = run.recipe, let other = first.recipe else { return [] }
    var notes: [String] = []
    if recipe.loss != other.loss { notes.append("another loss") }
    if let data = run.dataFingerprint, let others = first.dataFingerprint, !data.hasSameBytes(as: others) {
      notes.append("other data")
    }
    return notes
  }
}

extension RunComparison {
  /// A measured quantity of a part, `test.mae`.
  public struct Metric: Sendable, CustomStringConvertible {
    public let name: Name
    /// Whether more is better.
    public let increases: Bool

    public init(_ metric: MetricName) { (name, increases) = (Name(metric.description), metric.increases) }

    /// nil for a word that is none of `all`.
    public init?(_ text: String) {
      guard let metric = Self.all.first(where: { $0.name == Name(text) }) else { return nil }
      self = metric
    }

    private init(_ part: String, _ quantity: MetricName.Quantity) {
      name = "\(part).\(quantity.rawValue)"
      increases = MetricName(.validation, quantity).increases
    }

    /// What runs can be sorted by.
    public static let all: [Metric] =
      MetricName.all.map { Metric($0) } + MetricName.Quantity.allCases.map { Metric("test", $0) }

    public var description: String { name.text }

    /// Of the parameters that a run's commands take; nil where it was not measured or is not finite.
    public func value(of run: RunSummary) -> Double? {
      run.chosen?.values[name].flatMap { $0.isFinite ? $0 : nil }
    }
  }

  /// The names of all that was measured, in the order of a log's line.
  public var measured: [Name] {
    var rest = Set(runs.flatMap { [$0.chosen, $0.last].compactMap { $0 }.flatMap(\.values.keys) })
    let order = Metric.all.map(\.name).filter { rest.remove($0) != nil }
    return order + rest.sorted()
  }
}
