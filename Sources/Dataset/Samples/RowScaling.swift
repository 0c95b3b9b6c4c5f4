/// How the columns of a table are scaled, everywhere alike or stretch by stretch of its rows.
struct RowScaling {
  /// Of some columns; those after them stay as they are.
  struct TableScale {
    var columns: [Scaler.ColumnScale] = []
    /// What stands for a number that nobody knows.
    var fills: [Double]?

    func column(_ index: Int) -> Scaler.ColumnScale { index < columns.count ? columns[index] : .identity }
    func fill(_ index: Int) -> Double? { fills.flatMap { index < $0.count ? $0[index] : nil } }
  }

  /// nil for `Method.minmax` by identities.
  var method: Scaler.Method?
  /// Where there are no stretches.
  var scale = TableScale()
  /// One after the other, all rows.
  var own: [(rows: Range<Int>, scale: TableScale)] = []

  init(method: Scaler.Method? = nil, scale: TableScale = TableScale()) {
    (self.method, self.scale) = (method, scale)
  }

  /// - names: of the series, whose scales may be their own. starts: where each begins, and the end of the last.
  init(
    _ scaler: Scaler?, names: [String], starts: [Int], _ scale: (Scaler.SeriesScale) -> TableScale
  ) {
    self.init()
    guard let scaler else { return }
    (method, self.scale) = (scaler.method, scale(scaler.scales(of: [""])[0]))
    guard scaler.series != nil else { return }
    own = scaler.scales(of: names).enumerated().map { number, own in
      (starts[number]..<starts[number + 1], scale(own))
    }
  }

  func stretches(of rows: Range<Int>) -> [(rows: Range<Int>, scale: TableScale)] {
    if own.isEmpty { return [(rows, scale)] }
    // The first that does not end before these rows: there may be many series, and these may be a few rows of one.
    var (low, high) = (0, own.count)
    while low < high {
      let middle = (low + high) / 2
      if own[middle].rows.upperBound <= rows.lowerBound { low = middle + 1 } else { high = middle }
    }
    return own[low...].prefix { $0.rows.lowerBound < rows.upperBound }
      .map { ($0.rows.clamped(to: rows), $0.scale) }.filter { !$0.rows.isEmpty }
  }
}

/// Scales of targets where each series has its own.
struct SeriesScales: Sendable {
  /// The series of each sample.
  var series: [Int32] = []
  var columns: [[Scaler.ColumnScale]] = []

  subscript(sample: Int) -> [Scaler.ColumnScale]? { series.isEmpty ? nil : columns[Int(series[sample])] }
}
