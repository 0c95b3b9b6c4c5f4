import Diagnostics

/// Which window says what of the rows after the last one.
///
/// A network that was trained for horizons h says in a window that ends j rows before the last what lies h - j rows after it. Of each
/// row the latest window is asked that says anything of it. Rows beyond the furthest horizon take another round, whose windows read what
/// the rounds before forecast.
public struct ForecastPlan: Sendable, Equatable {
  /// Ascending.
  public let horizons: [Int]
  /// Rows of a round.
  public var length: Int { horizons[horizons.count - 1] }
  /// How far before the last row of a round's history its windows end.
  public let back: Int

  /// - Throws: a `Failure` where no horizon lies ahead.
  public init(horizons: [Int]) throws(Failure) {
    guard let last = horizons.last, last > 0 else {
      throw .badData(
        "data.horizon is 0: the network says what the last row of a window holds, and nothing of what comes; train with a horizon of 1 or more"
      )
    }
    self.horizons = horizons
    // A step between two horizons, or before the first, is said by the window that ends as much earlier.
    back = zip(horizons, [0] + horizons).map { $0 - max(0, $1) - 1 }.max() ?? 0
  }

  public func rounds(for steps: Int) -> Int { (steps + length - 1) / length }

  /// - step: of a round, from 1 to `length`.
  /// - Returns: how many rows before the last the window ends, and the place of the horizon that is asked for.
  func window(for step: Int) -> (back: Int, horizon: Int) {
    precondition(step <= length, "step \(step) lies after the last horizon")
    var (low, high) = (0, horizons.count - 1)
    while low < high {
      let middle = (low + high) / 2
      if horizons[middle] < step { low = middle + 1 } else { high = middle }
    }
    return (horizons[low] - step, low)
  }
}
