/// Durations of steps as a histogram with buckets 1 % wide: quantiles over any number of steps in fixed memory.
struct StepTimes {
  /// Each power of two of nanoseconds is cut into this many buckets.
  private static let parts = 64
  private var counts = [Int](repeating: 0, count: 64 * parts)
  private(set) var count = 0

  mutating func add(nanoseconds: UInt64) {
    let value = max(nanoseconds, UInt64(Self.parts))
    let exponent = 63 - value.leadingZeroBitCount
    let part = Int(truncatingIfNeeded: value >> UInt64(exponent - 6)) & (Self.parts - 1)
    counts[exponent * Self.parts + part] += 1
    count += 1
  }

  /// The duration that this share of the steps stays below, in milliseconds; 0 without steps.
  func milliseconds(quantile: Double) -> Double {
    var left = Int((Double(count) * quantile).rounded(.up))
    for (index, bucket) in counts.enumerated() where bucket > 0 {
      left -= bucket
      if left <= 0 {
        let start = Double(UInt64(1) << UInt64(index / Self.parts))
        return start * (1 + (Double(index % Self.parts) + 0.5) / Double(Self.parts)) / 1e6
      }
    }
    return 0
  }
}
