import Diagnostics
import Files
import Recur

/// What runs have measured epoch by epoch, as panels: of one run its parts together, of several each quantity by itself.
struct RunCurves {
  struct Run {
    var name: String
    var log: RunLog
    /// The name of its loss, where that is known.
    var loss: String?
  }
  let runs: [Run]

  init(_ runs: [Run]) { self.runs = runs }

  /// Of a name.
  private static let mostColumns = 60

  /// - paths: as the runs were named; what all of them begin with is left out.
  static func names(_ paths: [String]) -> [String] {
    let parts = paths.map { path in
      path.utf8.split(separator: UInt8(ascii: "/")).map { String(Substring($0)) }
    }
    let shortest = parts.map(\.count).min() ?? 0
    let common = (0..<max(0, shortest - 1)).prefix { level in
      parts.allSatisfy { $0[level].hasSameBytes(as: parts[0][level]) }
    }.count
    return parts.map { parts in
      parts.dropFirst(paths.count > 1 ? common : max(0, parts.count - 1)).joined(separator: "/")
        .shortened(to: mostColumns)
    }
  }

  var panels: [Panel] {
    let measured = runs.count == 1 ? together(MetricName.Quantity.allCases) : apart
    return measured + [learningRate].compactMap { $0 }
  }

  /// Of the first run one panel for each quantity that was measured, with a curve for each part.
  func together(_ quantities: [MetricName.Quantity]) -> [Panel] {
    quantities.compactMap { quantity in
      panel(
        quantity == .loss ? "loss\(lossName)" : quantity.rawValue, quantity,
        [("train", "training", Palette.blue), ("validation", "validation", .orange)].map {
          part, name, color in
          Curve(name: name, color: color, points: points(runs[0], "\(part).\(quantity.rawValue)"))
        })
    }
  }

  /// One panel for a quantity of a part, with a curve for each run.
  private var apart: [Panel] {
    MetricName.Quantity.allCases.flatMap { quantity in
      ["train", "validation"].compactMap { part -> Panel? in
        let name = quantity == .loss ? "loss\(lossName)" : quantity.rawValue
        return panel(
          "\(part == "train" ? "training" : part) \(name)", quantity,
          curves { points($0, "\(part).\(quantity.rawValue)") })
      }
    }
  }

  private func curves(_ points: (Run) -> [Curve.Point]) -> [Curve] {
    runs.enumerated().map { number, run in
      let style = Palette.style(number)
      return Curve(name: run.name, color: style.color, dash: style.dash, points: points(run))
    }
  }

  /// nil where nobody measured it.
  private func panel(_ name: String, _ quantity: MetricName.Quantity, _ curves: [Curve]) -> Panel? {
    let measured = curves.filter { !$0.points.isEmpty }
    guard !measured.isEmpty else { return nil }
    let isShare = quantity == .accuracy || quantity == .sequenceAccuracy
    var panel = Panel(xLabel: "epoch", yLabel: name, countsX: true, top: isShare ? 1 : nil, curves: measured)
    panel.logarithmic = quantity == .loss && panel.spansDecades
    panel.hasLongKey = runs.count > 1
    return panel
  }

  private func points(_ run: Run, _ name: Name) -> [Curve.Point] {
    run.log.epochs.compactMap { epoch in epoch.values[name].map { Curve.Point(Double(epoch.epoch), $0) } }
  }

  /// Where it is not the same all along.
  private var learningRate: Panel? {
    let curves = curves { run in
      run.log.epochs.compactMap { epoch in
        epoch.time.learningRate.map { Curve.Point(Double(epoch.epoch), $0) }
      }
    }.filter { !$0.points.isEmpty }
    guard Set(curves.flatMap { $0.points.map(\.y) }).count > 1 else { return nil }
    var panel = Panel(xLabel: "epoch", yLabel: "learning rate", countsX: true, curves: curves)
    panel.hasLongKey = runs.count > 1
    return panel
  }

  private var lossName: String {
    let names = runs.compactMap(\.loss)
    guard let first = names.first else { return "" }
    return names.allSatisfy { $0.hasSameBytes(as: first) } ? " (\(first))" : " (of different kinds)"
  }
}

extension Panel {
  /// Whether a logarithmic axis suits the values: they have logarithms, and span a factor of more than 20.
  var spansDecades: Bool {
    let finite = curves.flatMap { $0.points.map(\.y) }.filter(\.isFinite)
    guard let low = finite.min(), let high = finite.max(), low > 0 else { return false }
    return high / low > 20
  }
}
