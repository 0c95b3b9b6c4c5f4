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
  static func fit(
    _ method: Method, _ tables: [(table: any NumberTable, rows: Range<Int>)]
  ) throws(Failure) -> [Column] {
    guard let columns = tables.first?.table.columns else { return [] }
    var statistics = [Statistics](repeating: Statistics(), count: columns)
    for (table, rows) in tables { try table.addExtremes(rows, to: &statistics) }
    if method == .standard {
      for (table, rows) in tables { table.addSquares(rows, to: &statistics) }
    }
    var fitted: [Column] = []
    for (index, column) in statistics.enumerated() {
      guard column.count > 0 else {
        throw .badData("data.scale: there are no training rows to fit the scale on")
      }
      let scaling = method == .minmax ? column.minmax : column.standard
      guard scaling.offset.isFinite && scaling.scale.isFinite && scaling.scale != 0 else {
        let place = tables[0].table.place(row: tables[0].rows.lowerBound, column: index)
        throw .badData("\(place): the column's range is too wide to scale; use data.scale: none or change it")
      }
      fitted.append(scaling)
    }
    return fitted
  }
}

extension Scaler.Statistics {
  /// scikit-learn's `MinMaxScaler`, feature_range (0, 1).
  var minmax: Scaler.Column {
    let range = maximum - minimum
    let scale = 1 / (range < 10 * Double.ulpOfOne ? 1 : range)
    return Scaler.Column(offset: 0 - minimum * scale, scale: scale)
  }

  /// scikit-learn's `StandardScaler`; what it takes for rounding noise of a constant is taken for that here too.
  var standard: Scaler.Column {
    let variance = squares / Double(count)
    let noise = Double(count) * mean * Double.ulpOfOne
    let constant = variance <= Double(count) * Double.ulpOfOne * variance + noise * noise
    return Scaler.Column(offset: mean, scale: constant ? 1 : variance.squareRoot())
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
        // One look at the sum instead of one at each number.
        if !result.sum.isFinite,
          let row = (0..<block.count).first(where: { !numbers[$0 * columns + column].isFinite })
        {
          throw unusable(row: block.lowerBound + row, column: column)
        }
        result.count += block.count
        statistics[column] = result
      }
    }
  }

  fileprivate func addSquares(_ range: Range<Int>, to statistics: inout [Scaler.Statistics]) {
    forEachBlock(range) { block, numbers in
      for column in 0..<columns {
        let mean = statistics[column].mean
        var squares = 0.0
        for row in 0..<block.count {
          let distance = numbers[row * columns + column] - mean
          squares += distance * distance
        }
        statistics[column].squares += squares
      }
    }
  }
}
