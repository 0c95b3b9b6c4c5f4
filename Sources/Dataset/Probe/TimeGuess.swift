import Diagnostics

/// How the times of a column are written, found by trying.
struct TimeGuess {
  /// In strftime's letters; nil for ISO 8601.
  let pattern: String?
  /// Another pattern, day and month exchanged, that fits all texts, and whose steps are about as regular.
  let other: String?
  /// Of each text; nil for one that is no time.
  let times: [Int?]

  var isWhole: Bool { !times.contains(nil) }

  /// The fewest rows that are times where a few are not.
  private static let nearlyAll = 0.9
  /// A way to read times is tried on all texts only where it reads one of so many.
  private static let tried = 10

  private static let dates = [
    "%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y", "%Y/%m/%d", "%d-%m-%Y", "%m-%d-%Y", "%d.%m.%y", "%m/%d/%y",
    "%d/%m/%y", "%d %b %Y", "%b %d, %Y", "%d-%b-%Y", "%d-%b-%y", "%Y.%m.%d", "%d %b %y", "%d %B %Y",
    "%d %B %y", "%d. %B %Y", "%B %d, %Y",
    "%Y-%m-%d", "%b-%y", "%b %Y", "%b-%Y", "%B %Y", "%m/%Y", "%m.%Y", "%Y/%m",
  ]
  private static let clocks = ["", " %H:%M", " %H:%M:%S", "T%H:%M:%S", " %I:%M %p", " %I:%M:%S %p"]

  private struct Fit {
    let pattern: String?
    let times: [Int?]
    var isWhole: Bool { !times.contains(nil) }
    var isRising: Bool {
      let known = times.compactMap(\.self)
      return zip(known, known.dropFirst()).allSatisfy { $0 < $1 }
    }
    /// How many different steps lead from each time to the next.
    var variety: Int { TimeStep.variety(Set(times.compactMap(\.self)).sorted()) }
  }

  /// - rows: how many have each text.
  /// - Returns: nil where fewer than nearly all of them are times.
  init?(_ texts: [[UInt8]], rows: [Int]) {
    var ways: [(pattern: String?, read: ([UInt8]) -> Int?)] = [(nil, { ISOTime($0)?.microseconds })]
    for pattern in Self.dates.flatMap({ date in Self.clocks.map { date + $0 } }) {
      guard let pieces = try? TimePattern.pieces(of: pattern) else { continue }
      ways.append((pattern, { TimePattern.parse($0, pieces) }))
    }
    self.init(Self.fits(texts, rows, ways))
  }

  /// Dates that have only digits, 20240131 or 202401, in the years from 1900 to 2100.
  init?(digits texts: [[UInt8]], rows: [Int]) {
    let ways = [("%Y%m%d", 8), ("%Y%m", 6)].map { pattern, count in
      let pieces = (try? TimePattern.pieces(of: pattern)) ?? []
      return (
        pattern: Optional(pattern),
        read: { (text: [UInt8]) -> Int? in
          guard text.count == count, let time = TimePattern.parse(text, pieces),
            (1900...2100).contains(Moment(time).date.year)
          else { return nil }
          return time
        }
      )
    }
    self.init(Self.fits(texts, rows, ways))
  }

  private init?(_ fits: [Fit]) {
    let whole = fits.filter(\.isWhole)
    let fits = whole.isEmpty ? fits : whole
    guard var best = fits.first else { return nil }
    var rivals: [Fit] = []
    if fits.count > 1 {
      // What is meant has the more regular steps; where both have, the one that goes on from row to row.
      let varieties = fits.map(\.variety)
      let least = varieties.min() ?? 0
      let regular = fits.indices.filter { varieties[$0] == least }
      let place = regular.first { fits[$0].isRising } ?? regular[0]
      best = fits[place]
      rivals = fits.indices.filter { varieties[$0] < 2 * max(1, least) }.map { fits[$0] }
    }
    (pattern, times) = (best.pattern, best.times)
    other = rivals.first { $0.pattern != best.pattern && $0.times != best.times }?.pattern
  }

  private static func fits(
    _ texts: [[UInt8]], _ rows: [Int], _ ways: [(pattern: String?, read: ([UInt8]) -> Int?)]
  ) -> [Fit] {
    let least = nearlyAll * Double(rows.reduce(0, +))
    return ways.compactMap { way in
      guard texts.prefix(tried).contains(where: { way.read($0) != nil }) else { return nil }
      let times = texts.map(way.read)
      let count = zip(times, rows).reduce(0) { $0 + ($1.0 == nil ? 0 : $1.1) }
      return Double(count) >= least ? Fit(pattern: way.pattern, times: times) : nil
    }
  }
}
