import Recur

/// Predictions that stay empty, because they are changes from a value that was not observed.
struct UnknownPredictions {
  private struct SeriesTarget: Hashable, Comparable {
    let series: Name
    let target: Int
    static func < (a: SeriesTarget, b: SeriesTarget) -> Bool { (a.series, a.target) < (b.series, b.target) }
  }

  private let targets: [String]
  private var counts: [SeriesTarget: Int] = [:]

  init(_ data: DataSpecification) { targets = data.isRelative ? data.targets : [] }

  mutating func take(_ row: PredictedRow) {
    guard case .numbers(_, let predicted, _) = row.answer else { return }
    // The first horizon of each: the others count from the same value.
    for target in targets.indices where predicted[target].isNaN {
      counts[SeriesTarget(series: Name(row.series ?? ""), target: target), default: 0] += 1
    }
  }

  func note() {
    for (key, count) in counts.sorted(by: { $0.key < $1.key }) {
      let name = key.series.text
      let of = name.isEmpty ? "" : " of series \(quoted(name))"
      let windows = count == 1 ? "a window" : "\(Formatting.grouped(count)) windows"
      Console.note(
        "recur: column \(quoted(targets[key.target]))\(of) has no value to go on from in \(windows), and a prediction is a change from the "
          + "last one: it is left empty")
    }
  }
}
