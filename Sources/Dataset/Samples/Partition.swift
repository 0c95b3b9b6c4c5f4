import Diagnostics

/// Which samples of one file are for training, validation and test: consecutive ranges in this order, so in time order for a series.
///
/// Without any share all samples are for training. Without a share for training it gets what the others leave.
/// Fractions round down; where all shares are fractions that add up to 1, the last one gets what rounding left.
/// Samples that no share asks for are not used. A share that comes out empty is an error, unless it is the count 0.
package struct Partition: Equatable {
  package var train: Range<Int>?
  package var validation: Range<Int>?
  package var test: Range<Int>?

  /// Parts of these sizes, one after the other.
  init(sizes: [Int]) {
    var first = 0
    let ranges = sizes.map { size -> Range<Int>? in
      defer { first += size }
      return size == 0 ? nil : first..<first + size
    }
    (train, validation, test) = (ranges[0], ranges[1], ranges[2])
  }

  var parts: [Range<Int>?] { [train, validation, test] }

  /// - unit: what is split, in the plural.
  /// - file: whose samples they are, for messages.
  /// - mayBeEmpty: whether a fraction may come out as nothing, as of one short series among several.
  package init(
    _ split: DataSpecification.Split, of count: Int, unit: String = "samples", file: String,
    mayBeEmpty: Bool = false
  ) throws(Failure) {
    var shares: [(key: String, share: DataSpecification.PartSize)] = []
    if let share = split.train { shares.append(("train", share)) }
    if let share = split.validation { shares.append(("validation", share)) }
    if let share = split.test { shares.append(("test", share)) }
    let hasRest = shares.contains { $0.share == .rest }
    if split.train == nil && !hasRest { shares.insert(("train", .rest), at: 0) }
    let sizes = try Self.sizes(shares, of: count, "\(unit) of \(file)", mayBeEmpty)
    var first = 0
    for ((key, _), size) in zip(shares, sizes) {
      let range = size == 0 ? nil : first..<first + size
      switch key {
      case "train": train = range
      case "validation": validation = range
      default: test = range
      }
      first += size
    }
  }

  /// How many of the samples no part has.
  func unused(of count: Int) -> Int {
    count - [train, validation, test].reduce(0) { $0 + ($1?.count ?? 0) }
  }

  private static func sizes(
    _ shares: [(key: String, share: DataSpecification.PartSize)], of count: Int, _ what: String,
    _ mayBeEmpty: Bool
  ) throws(Failure) -> [Int] {
    var sizes = [Int](repeating: 0, count: shares.count)
    var taken = 0
    for (i, (key, share)) in shares.enumerated() {
      switch share {
      case .count(let size): sizes[i] = size
      case .fraction(let fraction):
        sizes[i] = Self.floor(fraction, of: count)
        if fraction > 0 && sizes[i] == 0 && !mayBeEmpty {
          throw .badData("data.split.\(key): \(fraction) of the \(count) \(what) is none")
        }
      case .rest: continue
      case .until(let time):
        throw .badData("data.split.\(key): \(quoted(time)) is a time; set data.split.by to time")
      }
      let (sum, overflow) = taken.addingReportingOverflow(sizes[i])
      guard !overflow && sum <= count else {
        throw .badData(
          "data.split asks for more than the \(count) \(what); make data.split.\(key) smaller")
      }
      taken = sum
    }
    if let rest = shares.firstIndex(where: { $0.share == .rest }) {
      sizes[rest] = count - taken
      guard taken < count || mayBeEmpty else {
        throw .badData("data.split leaves none of the \(count) \(what) for \(shares[rest].key)")
      }
    } else if Self.addUpToOne(shares.map(\.share)) {
      sizes[sizes.count - 1] += count - taken
    }
    return sizes
  }

  /// `fraction · count` rounded down, but 0.29 · 100 is 29 although its product in binary lies a little below.
  private static func floor(_ fraction: Double, of count: Int) -> Int {
    let exact = fraction * Double(count)
    let nearest = exact.rounded()
    return Int(abs(exact - nearest) < 1e-9 * Double(count) ? nearest : exact.rounded(.down))
  }

  private static func addUpToOne(_ shares: [DataSpecification.PartSize]) -> Bool {
    var sum = 0.0
    for share in shares {
      guard case .fraction(let fraction) = share else { return false }
      sum += fraction
    }
    return abs(sum - 1) < 1e-9
  }
}
