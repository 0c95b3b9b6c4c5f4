#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// From what a panel shows to where it stands in a picture.
struct PictureScale {
  let low: Double
  let high: Double
  let isLogarithmic: Bool
  /// Where the ends stand.
  let first: Double
  let last: Double

  /// - values: finite; of a logarithmic scale more than 0.
  /// - margin: room at both ends, as a share of what is between them.
  init(
    _ values: [Double], isLogarithmic: Bool = false, margin: Double, top: Double? = nil, from first: Double,
    to last: Double
  ) {
    var (low, high) = (values.min() ?? 0, values.max() ?? 1)
    if let top { high = max(top, high) }
    if isLogarithmic { (low, high) = (log10(low), log10(high)) }
    // All the same: in the middle.
    if high - low <= max(abs(low), abs(high)) * 1e-13 {
      let room = max(abs(low), abs(high)) < 1e-290 ? 1 : max(abs(low), abs(high)) / 10
      (low, high) = (low - room, high + room)
    } else {
      let room = (high - low) * margin
      (low, high) = (low - room, top == nil ? high + room : high)
    }
    (self.low, self.high, self.isLogarithmic) = (low, high, isLogarithmic)
    (self.first, self.last) = (first, last)
  }

  /// Within the picture, whatever the value.
  func place(_ value: Double) -> Double {
    let share = ((isLogarithmic ? log10(value) : value) - low) / (high - low)
    return first + min(max(share, 0), 1) * (last - first)
  }
}

/// Round numbers along an axis, and how they are written.
struct AxisTicks {
  var ticks: [(value: Double, label: String)] = []

  /// - count: about so many.
  /// - isCounted: whether nothing lies between whole numbers.
  init(_ scale: PictureScale, count: Int, isCounted: Bool = false) {
    if scale.isLogarithmic {
      addPowers(scale, count)
    } else {
      addSteps(scale, count, isCounted)
    }
  }

  private mutating func addSteps(_ scale: PictureScale, _ count: Int, _ isCounted: Bool) {
    let rough = (scale.high - scale.low) / Double(count)
    let power = pow(10, floor(log10(rough)))
    var step = power * ([1, 2, 5].first { $0 * power >= rough * 0.999 } ?? 10)
    if isCounted { step = max(1, step.rounded()) }
    guard step > 0, step.isFinite else { return }
    let largest = max(abs(scale.low), abs(scale.high))
    let digits = max(0, -Int(floor(log10(step) + 1e-9)))
    let format =
      largest >= 1e6 || digits > 5 ? "%.\(max(1, Int(log10(largest / step)) + 2))g" : "%.\(digits)f"
    for index in Int(
      ceil(scale.low / step))...max(
        Int(ceil(scale.low / step)), Int(floor(scale.high / step)))
    where Double(index) * step <= scale.high {
      ticks.append((Double(index) * step, String(printf: format, Double(index) * step)))
    }
  }

  private mutating func addPowers(_ scale: PictureScale, _ count: Int) {
    let (low, high) = (Int(ceil(scale.low)), Int(floor(scale.high)))
    let between: [Double] = scale.high - scale.low < 2.5 ? [1, 2, 5] : [1]
    let every = max(1, (high - low + count) / count)
    for power in low - 1...max(low - 1, high) where (power - low) % every == 0 || between.count > 1 {
      for factor in between {
        let value = factor * pow(10, Double(power))
        guard (scale.low...scale.high).contains(log10(value)) else { continue }
        ticks.append((value, String(printf: "%.4g", value)))
      }
    }
  }
}
