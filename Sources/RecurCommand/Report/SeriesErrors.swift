import Diagnostics

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// How far predictions are off, series by series, in the units of the file. Of several steps ahead all count alike.
struct SeriesErrors {
  struct ErrorSums {
    var count = 0.0
    var absolute = 0.0
    var squared = 0.0
  }

  private let targets: [String]
  /// By series, then by target.
  private(set) var rows: [Name: [ErrorSums]] = [:]

  /// More rows have no room on a page.
  static let mostRows = 40

  /// - targets: columns; a sample has as many numbers, or for each step ahead as many.
  init(_ targets: [String]) { self.targets = targets }

  /// A sample of no series is not counted, nor is what nobody knows.
  mutating func add(_ sample: Predictions.Sample) {
    guard let series = sample.series, !targets.isEmpty else { return }
    var sums = rows[Name(series)] ?? Array(repeating: ErrorSums(), count: targets.count)
    for (index, (actual, predicted)) in zip(sample.actual, sample.predicted).enumerated() {
      let error = predicted - actual
      guard error.isFinite else { continue }
      sums[index % targets.count].count += 1
      sums[index % targets.count].absolute += abs(error)
      sums[index % targets.count].squared += error * error
    }
    rows[Name(series)] = sums
  }

  /// The series with the largest errors of the first target first.
  var table: TextTable {
    func mean(_ sums: ErrorSums) -> Double { sums.count > 0 ? sums.absolute / sums.count : .nan }
    func rank(_ sums: [ErrorSums]) -> Double { sums[0].count > 0 ? mean(sums[0]) : -1 }
    let sorted = rows.sorted { a, b in
      let (first, second) = (rank(a.value), rank(b.value))
      return first == second ? a.key < b.key : first > second
    }
    let suffixes = targets.count > 1 ? targets.map { " \($0)" } : [""]
    return TextTable(
      header: ["series", "values"] + suffixes.flatMap { ["mae\($0)", "rmse\($0)"] },
      rows: sorted.prefix(Self.mostRows).map { name, sums in
        [name.text, Formatting.count(sums.map(\.count).reduce(0, +))]
          + sums.flatMap { sum in
            [
              Formatting.short(mean(sum)),
              Formatting.short(sum.count > 0 ? sqrt(sum.squared / sum.count) : .nan),
            ]
          }
      })
  }
}
