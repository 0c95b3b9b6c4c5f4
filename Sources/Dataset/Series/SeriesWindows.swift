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
  /// Series that are too short for one, with the rows that are missing.
  let short: [(series: Int, missing: Int)]

  /// - split: nil where all are one part.
  init(
    _ table: SeriesTable, _ data: DataSpecification, _ split: DataSpecification.Split?
  ) throws(Failure) {
    let reach = SampleReach(data)
    let room = (0..<table.count).map { table.room($0, reach, data) }
    let windows = room.map { max(0, $0) }
    short = room.indices.filter { room[$0] < 1 }.map { ($0, 1 - room[$0]) }
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
    try split?.requireSamples(parts.map(\.count), of: windows.reduce(0, +), in: table.rows.path)
  }
}

extension DataSpecification.Split {
  /// Refuses a share that no series has a sample for: nobody would see that the part is not there. Of one short series among several
  /// it may be nothing.
  /// - sizes: of training, validation and test.
  fileprivate func requireSamples(_ sizes: [Int], of count: Int, in path: String) throws(Failure) {
    let shares = [("train", train), ("validation", validation), ("test", test)]
    // text: keys of the recipe.
    let counts = zip(shares, sizes).map { "\($0.0) \($1)" }.joined(separator: ", ")
    for ((key, share), size) in zip(shares, sizes) where size == 0 {
      let words: String
      switch share {
      case nil, .count(0), .fraction(0): continue
      case .count(let size): words = "\(size)"
      case .fraction(let fraction): words = "\(fraction)"
      case .rest: words = "rest"
      case .until(let time): words = quoted(time)
      }
      throw .badData(
        "data.split.\(key): \(words) comes out as none of the \(count) samples of \(path) (\(counts)); give it more"
      )
    }
  }
}

extension SeriesTable {
  /// How many windows a series has: with all their targets, or, where those need not be there, with all that is known in advance.
  /// Below 1, what is missing for the first.
  fileprivate func room(_ series: Int, _ reach: SampleReach, _ data: DataSpecification) -> Int {
    let history = history(series).count
    guard data.areTargetsOptional else { return history - reach.rows + 1 }
    let all = starts[series + 1] - starts[series]
    return min(history - reach.window, data.known.isEmpty ? history : all - reach.rows) + 1
  }

  fileprivate func tooShort(_ reach: SampleReach, _ data: DataSpecification) -> Failure {
    let total = (0..<count).map { history($0).count + (withheld?.count($0) ?? 0) }
    let place = total.indices.max { (total[$0], -$0) < (total[$1], -$1) } ?? 0
    let longest = history(place).count
    let name = names[place].isEmpty ? "" : " \(quoted(names[place]))"
    if data.areTargetsOptional {
      let need = data.known.isEmpty ? reach.window : reach.rows
      return .badData(
        "\(rows.path): data.window sees \(reach.window) rows, and \(count > 1 ? "the longest series\(name) has" : name.isEmpty ? "there are" : "series\(name) has") \(longest)"
          + (data.known.isEmpty ? "" : ", with those of data.known \(need) are needed")
          + ": give \(max(1, need - longest)) more")
    }
    let horizon = data.allHorizons.last ?? 0
    let what = "data.window \(data.window)" + (horizon == 0 ? "" : " with data.horizon \(horizon)")
    let number = "\(longest) row\(longest == 1 ? "" : "s")"
    let owners =
      count > 1
      ? "each of its \(count) series; the longest,\(name), has \(number)"
      : name.isEmpty ? "its \(number)" : "series\(name), which has \(number)"
    let advice = data.withheldRows > 0 ? "; \(DataSpecification.fewerFolds)" : ""
    return .badData("\(rows.path): \(what) is longer than \(owners)\(data.heldBack)\(advice)")
  }
}

extension DataSpecification {
  /// Of a backtest, why series are shorter than in their file.
  var heldBack: String {
    withheldRows > 0 ? " once the last \(withheldRows) are held back for a fold of the backtest" : ""
  }
  static let fewerFolds = "ask for fewer --folds, a smaller --step or fewer --steps"
}
