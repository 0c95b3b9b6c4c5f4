import Files
import FoundationEssentials
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
  var epochs: [Epoch] = []

  /// Reads `metrics.jsonl` of a run directory.
  init(run: String) throws {
    if FileIdentity(run) != nil, !Paths.isFolder(run) {
      throw Failure.usage(
        "\(run) is a file, and recur plot draws the log of a run: name the directory that recur train wrote")
    }
    let path = "\(run)/metrics.jsonl"
    let lines = try InputFile.lines(of: path, key: "the directory of a run", limit: .max)
    let decoder = JSONDecoder()
    let mark = Array("\"event\":\"epoch\"".utf8)
    for (number, text) in lines.enumerated() where text.utf8.contains(mark) {
      guard let line = try? decoder.decode(LogLine.self, from: Data(text.utf8)),
        (0..<Int(Int32.max)).contains(line.epoch)
      else { throw Failure.badData("\(path), line \(number + 1): not a line that recur writes") }
      epochs.append(Epoch(line))
    }
    if epochs.isEmpty { throw Failure.badData("\(path): no epoch has ended yet, there is nothing to draw") }
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

/// The part of an epoch's line in `metrics.jsonl` that can be drawn. What was measured but is not finite is null there, which
/// is a gap here; what was not measured is not there.
private struct LogLine: Decodable {
  struct Metrics: Decodable {
    let loss: Double?
    let accuracy: Double?

    init(from decoder: any Decoder) throws {
      let line = try decoder.container(keyedBy: CodingKeys.self)
      (loss, accuracy) = (try line.measured(.loss), try line.measured(.accuracy))
    }
    enum CodingKeys: CodingKey { case loss, accuracy }
  }
  /// From 0.
  let epoch: Int
  let trainLoss: Double?
  let trainAccuracy: Double?
  let validation: Metrics?

  init(from decoder: any Decoder) throws {
    let line = try decoder.container(keyedBy: CodingKeys.self)
    epoch = try line.decode(Int.self, forKey: .epoch)
    (trainLoss, trainAccuracy) = (try line.measured(.trainLoss), try line.measured(.trainAccuracy))
    validation = try line.decodeIfPresent(Metrics.self, forKey: .validation)
  }

  enum CodingKeys: String, CodingKey {
    case epoch, validation
    case trainLoss = "train_loss"
    case trainAccuracy = "train_accuracy"
  }
}

extension KeyedDecodingContainer {
  fileprivate func measured(_ key: Key) throws -> Double? {
    contains(key) ? try decodeIfPresent(Double.self, forKey: key) ?? .nan : nil
  }
}

extension RunHistory.Epoch {
  fileprivate init(_ line: LogLine) {
    number = line.epoch + 1
    trainLoss = line.trainLoss
    trainAccuracy = line.trainAccuracy
    validationLoss = line.validation?.loss
    validationAccuracy = line.validation?.accuracy
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
