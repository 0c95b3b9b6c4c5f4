import Diagnostics

extension TableRows {
  static let unknownTime = Int.min

  /// The rows series by series, each by time; rows of equal time as they stand.
  func order(by keys: SeriesKeys, _ data: DataSpecification) throws(Failure) -> [Int] {
    let isInOrder = (1..<max(1, rows)).allSatisfy { row in
      (keys.numbers[row - 1], time(row - 1)) <= (keys.numbers[row], time(row))
    }
    if isInOrder { return Array(0..<rows) }
    // A table that has the newest row first is one series as surely as one that has it last.
    // text: "" is what one series without a name is called.
    if keys.names == [""], roles.group == nil, data.content == nil,
      (1..<rows).allSatisfy({ time($0) < time($0 - 1) })
    {
      return (0..<rows).reversed()
    }
    // text: "" is what one series without a name is called.
    if keys.names == [""] || roles.group != nil || data.content != nil, let column = roles.time,
      let row = (1..<rows).first(where: {
        keys.numbers[$0] == keys.numbers[$0 - 1] && time($0) < time($0 - 1)
      })
    {
      throw .badData(
        "\(location(row, name: column)): the time goes back, from \(quoted(text(row - 1, column)!)) to \(quoted(text(row, column)!)); "
          + (data.content != nil
            ? "send the rows in the order of their times"
            : "sort the rows, or name the column that tells series apart in data.series"))
    }
    return (0..<rows).sorted { (keys.numbers[$0], time($0), $0) < (keys.numbers[$1], time($1), $1) }
  }

  private func time(_ row: Int) -> Int { times.isEmpty ? 0 : times[row] }

  /// Where series begin once the rows are in order, and the end of the last.
  func starts(of keys: SeriesKeys) -> [Int] {
    var counts = [Int](repeating: 0, count: keys.names.count)
    for number in keys.numbers { counts[number] += 1 }
    var starts = [0]
    for count in counts { starts.append(starts[starts.count - 1] + count) }
    return starts
  }

  func requireDistinctTimes(_ starts: [Int], _ names: [String]) throws(Failure) {
    guard let column = roles.time, !times.isEmpty else { return }
    for (series, (first, end)) in zip(starts, starts.dropFirst()).enumerated() {
      guard end - first > 1, let row = (first + 1..<end).first(where: { times[$0] == times[$0 - 1] }) else {
        continue
      }
      let (line, other) = (line(of: row), line(of: row - 1))
      let of = names.count > 1 ? " of series \(quoted(names[series]))" : ""
      let remedy =
        names.count > 1
        ? "keep one of them" : "keep one of them, or name the column that tells series apart in data.series"
      throw .badData(
        "\(location(row, name: column)): two rows\(of) have the time \(quoted(text(row, column)!)), lines \(other) and \(line); \(remedy)"
      )
    }
  }

  /// What is missing in inputs, weights and names follows `data.gaps`; targets that may be unknown stay so.
  mutating func closeGaps(_ data: DataSpecification, _ starts: [Int]) throws(Failure) -> [Int] {
    let fillsMeans = data.gaps.fillsMeans
    var numbers = Set(fillsMeans ? [] : roles.inputs)
    if !data.areTargetsOptional, !fillsMeans { numbers.formUnion(roles.targets) }
    if let weight = roles.weight { numbers.insert(weight) }
    let free = Set(fillsMeans ? roles.categories : [])
    let mayLackLabel = data.areTargetsOptional || fillsMeans
    let names = codes.indices.filter { column in
      // text: these are places.
      column == roles.label ? !mayLackLabel : !free.contains(column)
    }
    return try closeGaps(data.gaps, starts: starts, numbers: numbers.sorted(), names: names)
  }
}

extension DataSpecification.GapPolicy {
  /// Whether gaps are left until the means of training rows are known.
  var fillsMeans: Bool { self == .mean || self == .mask }
}
