/// Whose windows samples are, and when their targets are.
public struct SampleLocations: Sendable {
  /// What each series is called; nil where there is one without a name.
  public private(set) var names: [String]?
  /// The series of each sample.
  private var series: [Int32] = []
  /// The time of each sample's target, the first of several; empty without a column of times.
  private var times: [Int] = []
  private var format: TimeFormat?
  /// The last row of each sample's window, counted from 0 in its series.
  private var origins: [Int] = []

  init?(_ sources: SampleSources, _ sets: [SequenceSet<Float>?]) {
    guard sources.main.series?.windows != nil else { return nil }
    var names: [String] = []
    for (set, source) in zip(
      sets, [sources.main, sources.validation ?? sources.main, sources.test ?? sources.main])
    {
      guard let set, let details = source.series, let windows = details.windows else { continue }
      let table = details.table
      let first = Int32(names.count)
      series += set.samples.map { windows.series[$0] + first }
      names += table.names
      origins += set.samples.map { sample in
        windows.firsts[sample] - table.starts[Int(windows.series[sample])] + source.layout.steps - 1
      }
      guard let format = table.format else { continue }
      self.format = format
      let steps = (0..<table.count).map { table.step($0) }
      times += set.samples.map { sample in
        table.time(of: source.targetRow(sample), in: Int(windows.series[sample]), steps)
      }
    }
    self.names = names.allSatisfy(\.isEmpty) ? nil : names
  }

  /// - sample: its number among all, train before validation before test.
  public func series(of sample: Int) -> String? { names.map { $0[Int(series[sample])] } }

  /// The last row that a sample's window sees, counted from 0 in its series, whose rows may stand in another order in the file.
  public func origin(of sample: Int) -> Int { origins[sample] }

  public var hasTimes: Bool { format != nil }
  /// As the table writes times; nil where nobody knows it.
  public func time(of sample: Int) -> String? {
    guard let format, times[sample] != TableRows.unknownTime else { return nil }
    return format.text(of: times[sample])
  }
}

extension SampleSource {
  /// The row of a sample's first target, counted on after the end of its series.
  fileprivate func targetRow(_ sample: Int) -> Int {
    layout.targetRows(sample).lowerBound + firstHorizon
  }
}

extension SeriesTable {
  /// How the times of a series go on.
  func step(_ series: Int) -> TimeStep {
    guard let format, !rows.times.isEmpty else { return .irregular }
    return TimeStep(rows.times[history(series)], isDate: format.isDate)
  }

  /// The time of a row, also after the end of its series.
  func time(of row: Int, in series: Int, _ steps: [TimeStep]) -> Int {
    if row < starts[series + 1] { return rows.times[row] }
    let last = starts[series + 1] - 1
    return time(steps[series], after: rows.times[last], steps: row - last) ?? TableRows.unknownTime
  }

  /// How times go on; nil where nobody knows, or where no text says it.
  func time(_ step: TimeStep, after last: Int, steps: Int) -> Int? {
    step.time(after: last, steps: steps).flatMap { format?.canWrite($0) == true ? $0 : nil }
  }
}
