/// Steps that were not taken, in a row, by their cause.
struct SkippedSteps: Codable, Equatable {
  enum Cause {
    case notFinite, weightless

    var reason: StaticString {
      switch self {
      case .notFinite: "the loss or gradient is not finite"
      case .weightless: "no sample of the batch counts"
      }
    }
  }

  var notFinite = 0
  var weightless = 0

  var count: Int { notFinite + weightless }

  mutating func add(_ cause: Cause, _ steps: Int) {
    switch cause {
    case .notFinite: notFinite += steps
    case .weightless: weightless += steps
    }
  }

  /// What to do about them.
  var advice: String {
    [
      notFinite > 0 ? "lower optimizer.lr, set train.clip_norm" : nil,
      weightless > 0
        ? "see why no target counts (loss.ignore_index, loss.class_weights, data.weight, missing ones)" : nil,
    ].compactMap { $0 }.joined(separator: ", ")
  }
}

extension SkippedSteps: CustomStringConvertible {
  var description: String {
    [
      notFinite > 0 ? "\(steps(notFinite)) had a loss or gradient that is not finite" : nil,
      weightless > 0 ? "\(steps(weightless)) had no sample that counts" : nil,
    ].compactMap { $0 }.joined(separator: " and ")
  }

  private func steps(_ count: Int) -> String { "\(count) step\(count == 1 ? "" : "s")" }
}
