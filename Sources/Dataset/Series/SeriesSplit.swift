import Diagnostics

/// How far a sample reaches from its first row.
struct SampleReach {
  let window: Int
  /// Where its targets lie.
  let targets: ClosedRange<Int>

  init(_ data: DataSpecification) {
    let horizons = data.allHorizons
    window = data.window
    let first = data.perStep ? 0 : window - 1
    targets = first + horizons[0]...window - 1 + horizons[horizons.count - 1]
  }

  /// Rows of a sample with its targets.
  var rows: Int { max(window, targets.upperBound + 1) }
}

extension SeriesTable {
  /// Which windows of each series, numbered from 0, are for training, validation and test.
  /// - windows: of each series.
  func cut(
    _ split: DataSpecification.Split, _ windows: [Int], _ reach: SampleReach, time: String?
  ) throws(Failure) -> [[Range<Int>?]] {
    switch split.unit {
    case .windows:
      return try windows.indices.map { (series) throws(Failure) in
        guard windows[series] > 0 else { return [nil, nil, nil] }
        return try Partition(
          split, of: windows[series], file: words(series), mayBeEmpty: count > 1
        ).parts
      }
    case .series:
      let parts = try Partition(split, of: count, unit: "series", file: rows.path).parts
      return windows.indices.map { series in
        parts.map { $0?.contains(series) == true ? 0..<windows[series] : nil }
      }
    case .rows:
      return try windows.indices.map { (series) throws(Failure) in
        let rows = history(series)
        return try Partition(split, of: rows.count, unit: "rows", file: words(series), mayBeEmpty: count > 1)
          .parts.map { $0.map { reach.windows(within: $0) } }
      }
    case .time:
      let (parts, times) = try timeParts(split, time)
      return windows.indices.map { series in
        let own = rows.times[history(series)]
        func row(_ place: Int) -> Int {
          place == times.count
            ? own.count : own.firstIndex { $0 >= times[place] }.map { $0 - own.startIndex } ?? own.count
        }
        return parts.map { part in
          part.map { reach.windows(within: row($0.lowerBound)..<row($0.upperBound)) }
        }
      }
    }
  }

  /// What a series is called in a message about a split.
  private func words(_ series: Int) -> String {
    count == 1 ? rows.path : "series \(quoted(names[series])) of \(rows.path)"
  }

  /// The parts as ranges of all different times in order.
  private func timeParts(
    _ split: DataSpecification.Split, _ column: String?
  ) throws(Failure) -> ([Range<Int>?], [Int]) {
    let times = Set(rows.times).sorted()
    var counts = split
    var end = 0
    var isOpen = false
    for (key, path) in [
      ("train", \DataSpecification.Split.train), ("validation", \.validation), ("test", \.test),
    ] {
      switch split[keyPath: path] {
      case .until(let text):
        guard let time = format?.parse(Array(text.utf8)) else {
          throw .badData(
            "data.split.\(key): \(quoted(text)) is not a time as the column \(quoted(column ?? "")) has them")
        }
        let place = times.firstIndex { $0 >= time } ?? times.count
        guard !isOpen, place > end else {
          throw .badData(
            "data.split.\(key) ends at \(text), where no time is left for it; the times of \(rows.path) go from "
              + "\(format!.text(of: times[0])) to \(format!.text(of: times[times.count - 1]))")
        }
        counts[keyPath: path] = .count(place - end)
        end = place
      case .count(let count): end += count
      case .fraction, .rest: isOpen = true
      case nil: isOpen = isOpen || key == "train"
      }
    }
    return (try Partition(counts, of: times.count, unit: "times", file: rows.path).parts, times)
  }
}

extension SampleReach {
  /// The windows that have all their targets in these rows of a series.
  func windows(within rows: Range<Int>) -> Range<Int> {
    let first = max(0, rows.lowerBound - targets.lowerBound)
    return first..<max(first, rows.upperBound - targets.upperBound)
  }
}
