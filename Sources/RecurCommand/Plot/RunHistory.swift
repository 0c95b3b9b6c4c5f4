import Files
import Recur

/// What a run measured epoch by epoch, as its log tells.
struct RunHistory {
  struct Epoch {
    /// From 1.
    var number: Int
    var trainLoss: Double?
    var trainAccuracy: Double?
    var validationLoss: Double?
    var validationAccuracy: Double?
  }
  let epochs: [Epoch]

  /// Reads `metrics.jsonl` of a run directory, also of a run that is still being written.
  init(run: String) throws {
    if FileIdentity(run) != nil, !Paths.isFolder(run) {
      throw Failure.usage(
        "\(run) is a file, and recur plot draws the log of a run: name the directory that recur train wrote")
    }
    epochs = try RunLog(run: run).epochs.map { Epoch($0) }
    if epochs.isEmpty {
      throw Failure.badData("\(run)/metrics.jsonl: no epoch has ended yet, there is nothing to draw")
    }
  }

  /// The training and validation curves of a quantity; a curve nobody measured is left out.
  func curves(train: KeyPath<Epoch, Double?>, validation: KeyPath<Epoch, Double?>) -> [Curve] {
    [
      Curve(name: "training", color: .blue, points: points(train)),
      Curve(name: "validation", color: .orange, points: points(validation)),
    ].filter { !$0.points.isEmpty }
  }

  private func points(_ quantity: KeyPath<Epoch, Double?>) -> [Curve.Point] {
    epochs.compactMap { epoch in epoch[keyPath: quantity].map { Curve.Point(Double(epoch.number), $0) } }
  }
}

extension RunHistory.Epoch {
  fileprivate init(_ measured: RunLog.Measured) {
    number = measured.epoch
    trainLoss = measured[MetricName(.train, .loss)]
    trainAccuracy = measured[MetricName(.train, .accuracy)]
    validationLoss = measured[MetricName(.validation, .loss)]
    validationAccuracy = measured[MetricName(.validation, .accuracy)]
  }
}

extension Panel {
  static func loss(_ history: RunHistory, name: String) -> Panel {
    let curves = history.curves(train: \.trainLoss, validation: \.validationLoss)
    return Panel(
      xLabel: "epoch", yLabel: name, countsX: true,
      curves: curves
    ).logarithmicIfWide
  }

  static func accuracy(_ history: RunHistory) -> Panel {
    Panel(
      xLabel: "epoch", yLabel: "accuracy", countsX: true, top: 1,
      curves: history.curves(train: \.trainAccuracy, validation: \.validationAccuracy))
  }

  private var logarithmicIfWide: Panel {
    var panel = self
    panel.logarithmic = spansDecades
    return panel
  }

  /// A logarithmic axis from a factor of 20 on, where all values have a logarithm.
  var spansDecades: Bool {
    let finite = curves.flatMap { $0.points.map(\.y) }.filter(\.isFinite)
    guard let low = finite.min(), let high = finite.max(), low > 0 else { return false }
    return high / low > 20
  }
}
