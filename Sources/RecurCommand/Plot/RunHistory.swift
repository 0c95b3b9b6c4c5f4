import Foundation
import Recur

/// What a run measured epoch by epoch, as its log tells.
struct RunHistory {
  struct Epoch {
    /// From 1.
    var number: Int
    var trainLoss: Double
    var trainAccuracy: Double?
    var validationLoss: Double?
    var validationAccuracy: Double?
  }
  var epochs: [Epoch] = []

  /// Reads `metrics.jsonl` of a run directory.
  init(run: String) throws {
    fatalError()
  }

  /// The training and validation curves of a quantity; a curve nobody measured is left out.
  func curves(train: KeyPath<Epoch, Double?>, validation: KeyPath<Epoch, Double?>) -> [Curve] {
    [
      Curve(name: "training", color: .blue, points: points(train)),
      Curve(name: "validation", color: .orange, points: points(validation)),
    ].filter { !$0.points.isEmpty }
  }

  private func points(_ quantity: KeyPath<Epoch, Double?>) -> [(x: Double, y: Double)] {
    epochs.compactMap { epoch in epoch[keyPath: quantity].map { (Double(epoch.number), $0) } }
  }
}

extension RunHistory.Epoch {
  var optionalTrainLoss: Double? { trainLoss }
}

extension Panel {
  static func loss(_ history: RunHistory, name: String) -> Panel {
    let curves = history.curves(train: \.optionalTrainLoss, validation: \.validationLoss)
    return Panel(
      xLabel: "epoch", yLabel: name, logarithmic: spansDecades(curves.flatMap { $0.points.map(\.y) }),
      curves: curves)
  }

  static func accuracy(_ history: RunHistory) -> Panel {
    Panel(
      xLabel: "epoch", yLabel: "accuracy",
      curves: history.curves(train: \.trainAccuracy, validation: \.validationAccuracy))
  }

  /// A logarithmic axis from a factor of 20 on, where all values have a logarithm.
  private static func spansDecades(_ values: [Double]) -> Bool {
    let finite = values.filter(\.isFinite)
    guard let low = finite.min(), let high = finite.max(), low > 0 else { return false }
    return high / low > 20
  }
}
