import Dataset
import Files
import Recur

/// The time of a table, and what tells its series apart.
extension TableDraft {
  /// The first column of dates, and what tells series apart where its dates occur more than once.
  mutating func findTime() throws {
    try requireTimes()
    if time == nil, let found = columns.first(where: { $0.isOfTimes && !isTaken($0) }) {
      time = found
      guesses.append("time: \(quoted(found.name))")
    }
    if time == nil, let first = columns.first, let step = first.steadyStep, step > 1, !isTaken(first) {
      guesses.append(
        "\(quoted(first.name)) rises by \(String(printf: "%.0f", step)) from each row to the next: where it is the time, give --time \(ShellWords.quoted([first.name]))"
      )
    }
    if time == nil, let years = columns.first(where: { $0.isOfYears && !isTaken($0) }) {
      guesses.append(
        "\(quoted(years.name)) has years: where it is the time, give --time \(ShellWords.quoted([years.name]))"
      )
    }
    guard let time, time.isOfTimes, series.isEmpty, !command.wide, !probe.areDistinct(time, series: []) else {
      return
    }
    let possible = columns.filter { column in
      !isTaken(column) && column.missing == 0 && (column.kind == .texts || column.isWhole)
        && column.distinct > 1 && column.distinct * 2 <= probe.rows
    }
    let clock = columns.first { $0.isOfClocks && !isTaken($0) }
    // A row that stands twice does not hide what its column is: reading the table names it.
    let found =
      first(of: possible.filter { !$0.isOfClocks && probe.areDistinct(time, series: [$0]) })
      ?? first(of: possible.filter { isNearly(distinct: time, by: $0) })
    if found == nil, let clock {
      throw Failure.badData(
        "\(path): \(quoted(time.name)) has the day and \(quoted(clock.name)) the time of day: join them in one column; "
          + "where each time of day is a series, give --series \(ShellWords.quoted([clock.name]))")
    }
    if let found {
      series = [found]
      guesses.append(
        "series: \(quoted(found.name)), \(found.distinct) of them, since times occur more than once")
    }
  }

  /// Of columns that tell series apart, texts before numbers, then the fewest series.
  private func first(of columns: [ProbedColumn]) -> ProbedColumn? {
    columns.min {
      ($0.kind == .texts ? 0 : 1, $0.distinct) < ($1.kind == .texts ? 0 : 1, $1.distinct)
    }
  }

  /// Whether times that often occur again do so within no more than one row in a hundred, once this column tells series apart.
  private func isNearly(distinct time: ProbedColumn, by column: ProbedColumn) -> Bool {
    column.kind == .texts && !column.isOfClocks && probe.repeats(time, series: []) * 10 > probe.rows
      && probe.repeats(time, series: [column]) * 100 <= probe.rows
  }

  /// A column nearly all of whose values are times is not put aside for a few that are none: a last line with sums, a wrong date.
  private func requireTimes() throws {
    // Where there are other times, a column like that is one of several.
    if time == nil, columns.contains(where: { $0.isOfTimes && !isTaken($0) }) { return }
    let column = time ?? columns.first { $0.strayTime != nil && !isTaken($0) }
    guard let stray = column?.strayTime else { return }
    let others = stray.rows > 1 ? " (nor are \(stray.rows - 1) more)" : ""
    throw Failure.badData(
      "\(stray.location): \(quoted(stray.text)) is not a time\(others), and \(stray.rowsOfTimes) values are, such as "
        + "\(quoted(stray.time)), as \(stray.pattern ?? "ISO 8601"); correct it, or remove the row")
  }
}
