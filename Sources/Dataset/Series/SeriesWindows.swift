import Diagnostics

/// The windows of a table of series that are samples: those of training before validation before test, then by series and time.
struct SeriesWindows {
  /// The first row of each sample.
  let firsts: [Int]
  /// The series of each.
  let series: [Int32]
  let partition: Partition
  /// How many windows no part has.
  let unused: Int
  /// Of each series the rows that samples of training see, inputs and targets.
  let trainRows: [Range<Int>]
  /// Series that are too short for one.
  let short: [Int]

  /// - split: nil where all are one part.
  init(
    _ table: SeriesTable, _ data: DataSpecification, _ split: DataSpecification.Split?
  ) throws(Failure) {
    let reach = SampleReach(data)
    let windows = (0..<table.count).map { table.windows($0, reach, data) }
    short = windows.indices.filter { windows[$0] == 0 }
    guard short.count < windows.count else { throw table.tooShort(reach, data) }
    let cuts = try split.map { (split) throws(Failure) in
      try table.cut(split, windows, reach, time: data.time)
    }
    var parts: [[Int]] = [[], [], []]
    var owners: [[Int32]] = [[], [], []]
    var seen: [Range<Int>] = []
    for series in windows.indices {
      let start = table.starts[series]
      let own = (cuts?[series] ?? [0..<windows[series], nil, nil]).map {
        ($0 ?? 0..<0).clamped(to: 0..<windows[series])
      }
      for (part, range) in own.enumerated() {
        parts[part] += range.map { start + $0 }
        owners[part] += [Int32](repeating: Int32(series), count: range.count)
      }
      let first = start + own[0].lowerBound
      seen.append(first..<(own[0].isEmpty ? first : start + own[0].upperBound - 1 + reach.rows))
    }
    firsts = parts.flatMap(\.self)
    series = owners.flatMap(\.self)
    unused = windows.reduce(0, +) - firsts.count
    trainRows = seen
    partition = Partition(sizes: parts.map(\.count))
  }
}

extension SeriesTable {
  /// How many windows a series has: with all their targets, or, where those need not be there, with all that is known in advance.
  fileprivate func windows(_ series: Int, _ reach: SampleReach, _ data: DataSpecification) -> Int {
    let history = history(series).count
    guard data.areTargetsOptional else { return max(0, history - reach.rows + 1) }
    let all = starts[series + 1] - starts[series]
    return max(0, min(history - reach.window, data.known.isEmpty ? history : all - reach.rows) + 1)
  }

  fileprivate func tooShort(_ reach: SampleReach, _ data: DataSpecification) -> Failure {
    let longest = (0..<count).map { history($0).count }.max() ?? 0
    if data.areTargetsOptional {
      let need = data.known.isEmpty ? reach.window : reach.rows
      return .badData(
        "\(rows.path): data.window sees \(reach.window) rows, and \(count == 1 ? "there are" : "the longest series has") \(longest)"
          + (data.known.isEmpty ? "" : ", with those of data.known \(need) are needed")
          + ": give \(max(1, need - longest)) more")
    }
    let horizon = data.allHorizons.last ?? 0
    let what = "data.window \(data.window)" + (horizon == 0 ? "" : " with data.horizon \(horizon)")
    let rows =
      count == 1
      ? "its \(longest) row\(longest == 1 ? "" : "s")"
      : "each of its \(count) series; the longest has \(longest) rows"
    return .badData("\(self.rows.path): \(what) is longer than \(rows)")
  }
}
