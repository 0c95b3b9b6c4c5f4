/// How the times of a series go on.
package enum TimeStep: Sendable, Equatable {
  /// Microseconds, or the difference of numbers; single rows may be missing.
  case fixed(Int)
  /// Months of the calendar, on a day of the month or the last before it that a month has.
  case months(Int, day: Int)
  /// From Monday to Friday; single days may be missing, as holidays are.
  case weekdays
  case irregular

  /// The step of times in order.
  package init(_ times: ArraySlice<Int>, isDate: Bool) {
    let steps = zip(times, times.dropFirst()).map { $1 - $0 }
    guard !steps.isEmpty else {
      self = .irregular
      return
    }
    // Months first: those of a summer may all have 31 days.
    if isDate, let months = Self.months(times) {
      self = months
    } else if isDate, Self.areWeekdays(times, steps), Set(steps).count > 1 {
      self = .weekdays
    } else if let step = Self.usual(steps) {
      self = .fixed(step)
    } else {
      self = .irregular
    }
  }

  /// Whether there is but one next time.
  var isExact: Bool {
    switch self {
    case .fixed, .months: true
    case .weekdays, .irregular: false
    }
  }

  /// How many rows do not stand one step after the one before them, where there is but one next time; else 0.
  package func breaks(in times: ArraySlice<Int>) -> Int {
    isExact ? zip(times, times.dropFirst()).count { time(after: $0, steps: 1) != $1 } : 0
  }

  /// How many different steps times in order take; months of the calendar count, however many days they have.
  package static func variety(_ times: [Int]) -> Int {
    let steps = Set(zip(times, times.dropFirst()).map { $1 - $0 }).count
    let moments = times.map { Moment($0) }
    guard let first = moments.first, moments.allSatisfy({ $0.time == first.time }),
      moments.allSatisfy({ $0.date.day == first.date.day }) || moments.allSatisfy(\.date.isLastOfMonth)
    else { return steps }
    let months = moments.map { $0.date.year * 12 + $0.date.month }
    return min(steps, Set(zip(months, months.dropFirst()).map { $1 - $0 }).count)
  }

  /// The time so many steps after one; nil where nobody knows.
  package func time(after last: Int, steps: Int) -> Int? {
    switch self {
    case .fixed(let step):
      let (distance, isTooFar) = step.multipliedReportingOverflow(by: steps)
      let (time, isBehind) = last.addingReportingOverflow(distance)
      return isTooFar || isBehind ? nil : time
    case .months(let months, let day):
      let moment = Moment(last)
      return moment.date.adding(months: months * steps, day: day).map {
        Moment(date: $0, time: moment.time).microseconds
      }
    case .weekdays:
      // Whole weeks after the first steps, which may begin on a weekend.
      let singles = steps > 0 ? (steps - 1) % 5 + 1 : 0
      var time = last
      for _ in 0..<singles {
        repeat { time += Moment.day } while Moment(time).weekday > 4
      }
      let (rest, isTooFar) = (7 * Moment.day).multipliedReportingOverflow(by: (steps - singles) / 5)
      let (end, isBehind) = time.addingReportingOverflow(rest)
      return isTooFar || isBehind ? nil : end
    case .irregular: return nil
    }
  }

  /// The step that most are, where the others are several of it: rows between are missing.
  private static func usual(_ steps: [Int]) -> Int? {
    let counts = Dictionary(steps.map { ($0, 1) }, uniquingKeysWith: +)
    guard let (step, count) = counts.max(by: { ($0.value, -$0.key) < ($1.value, -$1.key) }), step > 0,
      count * 2 > steps.count, steps.allSatisfy({ $0 > 0 && $0 % step == 0 })
    else { return nil }
    return step
  }

  private static func months(_ times: ArraySlice<Int>) -> TimeStep? {
    let moments = times.map { Moment($0) }
    let indices = moments.map { $0.date.year * 12 + $0.date.month }
    guard let step = usual(zip(indices, indices.dropFirst()).map { $1 - $0 }),
      moments.allSatisfy({ $0.time == moments[0].time })
    else { return nil }
    if moments.allSatisfy({ $0.date.isLastOfMonth }) { return .months(step, day: 31) }
    let day = moments.map(\.date.day).max() ?? 1
    let fits = moments.allSatisfy { $0.date.day == day || $0.date.day < day && $0.date.isLastOfMonth }
    return fits ? .months(step, day: day) : nil
  }

  /// Never on a weekend, most of them one day after the one before.
  private static func areWeekdays(_ times: ArraySlice<Int>, _ steps: [Int]) -> Bool {
    let singles = steps.count { $0 == Moment.day }
    return steps.allSatisfy { $0 > 0 && $0 % Moment.day == 0 } && singles * 2 > steps.count
      && times.allSatisfy { Moment($0).weekday < 5 }
  }
}
