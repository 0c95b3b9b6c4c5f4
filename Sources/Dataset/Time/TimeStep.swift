/// How the times of a series go on.
package enum TimeStep: Sendable, Equatable {
  /// Microseconds, or the difference of numbers.
  case fixed(Int)
  /// Months of the calendar, on a day of the month or the last before it that a month has.
  case months(Int, day: Int)
  /// From Monday to Friday; single days may be missing, as holidays are.
  case weekdays
  case irregular

  /// The step of times in order.
  package init(_ times: ArraySlice<Int>, isDate: Bool) {
    let steps = zip(times, times.dropFirst()).map { $1 - $0 }
    guard let first = steps.first else {
      self = .irregular
      return
    }
    // Months first: those of a summer may all have 31 days.
    if isDate, let months = Self.months(times) {
      self = months
    } else if steps.allSatisfy({ $0 == first }) {
      self = .fixed(first)
    } else if isDate, Self.areWeekdays(times, steps) {
      self = .weekdays
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

  /// The time so many steps behind one; nil where nobody knows.
  package func time(after last: Int, steps: Int) -> Int? {
    switch self {
    case .fixed(let step):
      let (distance, isTooFar) = step.multipliedReportingOverflow(by: steps)
      return isTooFar ? nil : last + distance
    case .months(let months, let day):
      let moment = Moment(last)
      let date = moment.date.adding(months: months * steps, day: day)
      return Moment(date: date, time: moment.time).microseconds
    case .weekdays:
      var time = last
      for _ in 0..<steps {
        repeat { time += Moment.day } while Moment(time).weekday > 4
      }
      return time
    case .irregular: return nil
    }
  }

  private static func months(_ times: ArraySlice<Int>) -> TimeStep? {
    let moments = times.map { Moment($0) }
    let indices = moments.map { $0.date.year * 12 + $0.date.month }
    let step = indices[1] - indices[0]
    guard step > 0, zip(indices, indices.dropFirst()).allSatisfy({ $1 - $0 == step }),
      moments.allSatisfy({ $0.time == moments[0].time })
    else { return nil }
    if moments.allSatisfy({ $0.date.isLastOfMonth }) { return .months(step, day: 31) }
    let day = moments.map(\.date.day).max() ?? 1
    let fits = moments.allSatisfy { $0.date.day == day || $0.date.day < day && $0.date.isLastOfMonth }
    return fits ? .months(step, day: day) : nil
  }

  /// Never on a weekend, most of them one day behind the one before.
  private static func areWeekdays(_ times: ArraySlice<Int>, _ steps: [Int]) -> Bool {
    let singles = steps.count { $0 == Moment.day }
    return steps.allSatisfy { $0 > 0 && $0 % Moment.day == 0 } && singles * 2 > steps.count
      && times.allSatisfy { Moment($0).weekday < 5 }
  }
}
