/// A loss and how often it was right, summed over samples: of a lane, of a step of all ranks, of an epoch.
struct LossSums: Codable, Equatable {
  var loss = 0.0
  /// What the loss is divided by: see `Loss.Total`.
  var weight = 0.0
  /// Of classes: targets hit, and how many there were.
  var right = 0.0
  var counted = 0.0

  static let fields = 4

  var meanLoss: Double { loss / weight }
  var accuracy: Double? { counted > 0 ? right / counted : nil }
}
