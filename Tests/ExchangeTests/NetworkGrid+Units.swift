import Dataset
import Exchange
import Foundation
import Recurrent

/// Scales of inputs and outputs, and what each loss makes of the latter.
extension NetworkGrid {
  private static func scaler(_ method: Scaler.Method, targets: Int, fills: Bool) -> Scaler {
    func columns(_ count: Int) -> [Scaler.ColumnScale] {
      (0..<count).map { column in
        let (offset, scale) = (20.0 * Double(column) - 7, 3.5 + Double(column))
        return method == .standard
          ? .init(offset: offset, scale: scale) : .init(offset: -offset / scale, scale: 1 / scale)
      }
    }
    var scaler = Scaler(method: method, features: columns(2), targets: columns(targets))
    if fills { scaler.fills = [1, 2] }
    return scaler
  }

  private static let losses: [Loss] = [
    .mse, .mae, .huber(delta: 1), .quantile(levels: [0.1, 0.5, 0.9]), .gaussianNLL, .studentT, .poisson,
    .negativeBinomial, .bceWithLogits, .crossEntropy(),
  ]

  /// Each series with scales of its own, and targets that are changes.
  static var ownUnits: [NetworkCase] {
    losses.filter(\.hasUnits).flatMap { loss in
      [Scaler.Method.minmax, .standard].flatMap { method in
        [Network.Readout.finalState, .everyStep].flatMap { readout in
          (readout == .everyStep ? [0] : [0, 1, 2]).flatMap { width -> [NetworkCase] in
            var network = network(.gru, readout)
            network.head = [.linear(2 * loss.outputsPerTarget)]
            var scaler = scaler(method, targets: 2, fills: method == .minmax)
            let series = scaler.alternatives[0]
            scaler.series = (1...2).map { number in
              func moved(_ columns: [Scaler.ColumnScale]) -> [Scaler.ColumnScale] {
                columns.map {
                  .init(offset: $0.offset + 2 * Double(number), scale: $0.scale * (1 + Double(number)))
                }
              }
              return .init(
                name: "s\(number)", features: moved(series.features), targets: moved(series.targets),
                fills: series.fills.map { $0.map { $0 + Double(number) } })
            }
            let name = "series, \(width) bases: \(loss) \(method) \(readout)"
            return cases(name, network).map { inOwnUnits($0, loss, scaler, baseWidth: width) }
          }
        }
      }
    }
  }

  /// - baseWidth: 0 for no changes.
  private static func inOwnUnits(
    _ plain: NetworkCase, _ loss: Loss, _ scaler: Scaler, baseWidth width: Int
  ) -> NetworkCase {
    var given = plain
    (given.interface.scaler, given.interface.loss) = (scaler, loss)
    given.series = plain.lengths.indices.map { ($0 + 1) % 3 }
    let bases = plain.lengths.indices.map { sample in
      (0..<width).map { 30 * Double(sample) - 20 * Double($0) }
    }
    if width > 0 { (given.interface.baseWidth, given.bases) = (width, bases) }
    let series = given.series
    given.inFile = { row, sample in
      inFile(row, loss, scaler, own: scaler.alternatives[series[sample]].targets) { target in
        width == 0 ? 0 : bases[sample][target % width]
      }
    }
    return given
  }

  static var units: [NetworkCase] {
    losses.flatMap { loss in
      [Scaler.Method.minmax, .standard].flatMap { method in
        [Network.Readout.finalState, .everyStep].flatMap { readout -> [NetworkCase] in
          var network = network(.lstm, readout)
          network.head = [.linear(2 * loss.outputsPerTarget)]
          let scaler = scaler(method, targets: loss.hasUnits ? 2 : 0, fills: method == .minmax)
          return cases("\(loss) \(method) \(readout)", network).map { plain in
            var given = plain
            given.interface.scaler = scaler
            given.interface.loss = loss
            if loss.takesClasses { given.probabilities = softmax }
            if loss == .bceWithLogits { given.probabilities = { $0.map { 1 / (1 + exp(-Double($0))) } } }
            given.inFile = { row, _ in inFile(row, loss, scaler, own: scaler.targets) }
            return given
          }
        }
      }
    }
  }

  private static func softmax(_ row: [Float]) -> [Double] {
    let powers = row.map { exp(Double($0)) }
    return powers.map { $0 / powers.reduce(0, +) }
  }

  /// Two targets as the exported network should give them: by the library's forecasts where it says so, else by the definition.
  private static func inFile(
    _ row: [Float], _ loss: Loss, _ scaler: Scaler, own: [Scaler.ColumnScale],
    base: (Int) -> Double = { _ in 0 }
  ) -> [Double] {
    let each = loss.outputsPerTarget
    func place(_ value: Double, _ target: Int) -> Double {
      own.isEmpty ? value : base(target) + scaler.unscale(Float(value), own[target])
    }
    return (0..<2).flatMap { target -> [Double] in
      let outputs = Array(row[target * each..<(target + 1) * each])
      let rising = outputs.map { log1p(exp(Double($0))) }
      let unit = scaler.targetUnit(target, own: own)
      switch loss {
      case .quantile(let levels):
        let said = outputs.withUnsafeBufferPointer { PredictiveDistribution(loss, outputs: $0.baseAddress!) }
        return levels.map { place(said.quantile($0)!, target) }
      case .gaussianNLL: return [place(Double(outputs[0]), target), (rising[1] + 1e-3) * unit]
      case .studentT: return [place(Double(outputs[0]), target), (rising[1] + 1e-3) * unit, rising[2] + 2]
      case .poisson, .negativeBinomial: return rising
      case .crossEntropy, .bceWithLogits: return outputs.map(Double.init)
      case .mse, .mae, .huber: return [place(Double(outputs[0]), target)]
      }
    }
  }
}

extension Loss {
  /// Whether its outputs are in the units of the data.
  fileprivate var hasUnits: Bool { !takesClasses && !takesCounts && self != .bceWithLogits }
}
