import Diagnostics

extension Scaler {
  /// What one column looks like over the rows a scaler is fitted on.
  struct Statistics {
    var minimum = Double.infinity
    var maximum = -Double.infinity
    var count = 0
    var sum = 0.0
    /// Sum of squared distances from the mean.
    var squares = 0.0
    var mean: Double { sum / Double(count) }
  }

  /// Fits each column of the tables, taken together, over the given rows of each.
  /// - group: whose processes look at a part of the rows each. The bits are the same for any number of them.
  static func fit(
    _ method: Method, _ tables: [(table: any NumberTable, rows: Range<Int>)], _ group: LoadingGroup? = nil
  ) throws(Failure) -> (columns: [ColumnScale], means: [Double], areConstant: [Bool]) {
    guard let columns = tables.first?.table.columns else { return ([], [], []) }
    var statistics = [Statistics](repeating: Statistics(), count: columns)
    for (table, rows) in tables {
      try combine(table, rows, group, &statistics) { (table, rows, part) throws(Failure) in
        try table.addExtremes(rows, to: &part)
      }
    }
    if method == .standard {
      let means = statistics.map(\.mean)
      for (table, rows) in tables {
        try combine(table, rows, group, &statistics) { (table, rows, part) throws(Failure) in
          table.addSquares(rows, means, to: &part)
        }
      }
    }
    var fitted: [ColumnScale] = []
    for (index, column) in statistics.enumerated() {
      guard column.count > 0 else {
        if let (table, rows) = tables.first, table.mayBeUnknown, !rows.isEmpty {
          throw .badData(
            "\(table.location(row: rows.lowerBound, column: index)): no row of training has a value in this column, so nothing can stand for it; remove the column from the recipe"
          )
        }
        throw .badData(
          "data.scale: there are no training rows\(tables[0].table.mayBeUnknown ? " with values" : "") to fit the scale on"
        )
      }
      let scaling = method == .minmax ? column.minmax : column.standard
      guard scaling.offset.isFinite && scaling.scale.isFinite && scaling.scale != 0 else {
        let place = tables[0].table.location(row: tables[0].rows.lowerBound, column: index)
        throw .badData("\(place): the column's range is too wide to scale; use data.scale: none or change it")
      }
      fitted.append(scaling)
    }
    return (
      fitted, statistics.map(\.mean), statistics.map { method == .minmax ? $0.hasNoRange : $0.hasNoDeviation }
    )
  }

  /// Looks at stretches of 65,536 rows one by one and adds them up in their order, whoever looked at them.
  private static func combine(
    _ table: any NumberTable, _ rows: Range<Int>, _ group: LoadingGroup?, _ statistics: inout [Statistics],
    _ look: (any NumberTable, Range<Int>, inout [Statistics]) throws(Failure) -> Void
  ) throws(Failure) {
    let stretch = 1 << 16
    let count = (rows.count + stretch - 1) / stretch
    let columns = statistics.count
    func bytes(_ stretches: Range<Int>) throws(Failure) -> [UInt8] {
      var writer = ByteWriter()
      for index in stretches {
        let first = rows.lowerBound + index * stretch
        var part = [Statistics](repeating: Statistics(), count: columns)
        try look(table, first..<min(first + stretch, rows.upperBound), &part)
        for column in part { column.write(to: &writer) }
      }
      return writer.bytes
    }
    let parts: [[UInt8]]
    if let group {
      parts = try group.share { () throws(Failure) in try bytes(group.part(of: count)) }
    } else {
      parts = [try bytes(0..<count)]
    }
    for part in parts {
      var reader = ByteReader(part)
      for index in 0..<part.count / Statistics.byteCount {
        statistics[index % columns].add(Statistics(from: &reader))
      }
    }
  }
}

extension Scaler.Statistics {
  static let byteCount = 40

  mutating func add(_ other: Self) {
    minimum = min(minimum, other.minimum)
    maximum = max(maximum, other.maximum)
    count += other.count
    sum += other.sum
    squares += other.squares
  }

  func write(to writer: inout ByteWriter) {
    for number in [minimum, maximum, sum, squares] { writer.add(number) }
    writer.add(count)
  }

  init(from reader: inout ByteReader) {
    (minimum, maximum, sum, squares) = (reader.double(), reader.double(), reader.double(), reader.double())
    count = reader.int()
  }
}

extension Scaler.Statistics {
  /// scikit-learn's `MinMaxScaler`, feature_range (0, 1).
  var minmax: Scaler.ColumnScale {
    let scale = 1 / (hasNoRange ? 1 : maximum - minimum)
    return Scaler.ColumnScale(offset: 0 - minimum * scale, scale: scale)
  }

  var hasNoRange: Bool { maximum - minimum < 10 * Double.ulpOfOne }

  /// scikit-learn's `StandardScaler`; what it takes for rounding noise of a constant is taken for that here too.
  var standard: Scaler.ColumnScale {
    Scaler.ColumnScale(offset: mean, scale: hasNoDeviation ? 1 : (squares / Double(count)).squareRoot())
  }

  var hasNoDeviation: Bool {
    let variance = squares / Double(count)
    let noise = Double(count) * mean * Double.ulpOfOne
    return variance <= Double(count) * Double.ulpOfOne * variance + noise * noise
  }
}

extension NumberTable {
  fileprivate func addExtremes(_ range: Range<Int>, to statistics: inout [Scaler.Statistics]) throws(Failure)
  {
    try forEachBlock(range) { (block, numbers) throws(Failure) in
      let columns = columns
      for column in 0..<columns {
        var result = statistics[column]
        for row in 0..<block.count {
          let number = numbers[row * columns + column]
          if number < result.minimum { result.minimum = number }
          if number > result.maximum { result.maximum = number }
          result.sum += number
        }
        result.count += block.count
        // One look at the sum instead of one at each number.
        if !result.sum.isFinite {
          result = statistics[column]
          try add(numbers + column, block, column, to: &result)
        }
        statistics[column] = result
      }
    }
  }

  /// Adds a column of a block in which some numbers may be missing.
  private func add(
    _ numbers: UnsafePointer<Double>, _ block: Range<Int>, _ column: Int, to result: inout Scaler.Statistics
  ) throws(Failure) {
    for row in 0..<block.count {
      let number = numbers[row * columns]
      if number.isNaN, mayBeUnknown { continue }
      guard number.isFinite else { throw unusable(row: block.lowerBound + row, column: column) }
      result.minimum = min(result.minimum, number)
      result.maximum = max(result.maximum, number)
      result.sum += number
      result.count += 1
    }
  }

  fileprivate func addSquares(
    _ range: Range<Int>, _ means: [Double], to statistics: inout [Scaler.Statistics]
  ) {
    forEachBlock(range) { block, numbers in
      for column in 0..<columns {
        let mean = means[column]
        var squares = 0.0
        for row in 0..<block.count {
          let distance = numbers[row * columns + column] - mean
          if distance.isNaN { continue }
          squares += distance * distance
        }
        statistics[column].squares += squares
      }
    }
  }
}
