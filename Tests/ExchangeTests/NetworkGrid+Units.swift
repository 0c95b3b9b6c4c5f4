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

  static var units: [NetworkCase] {
    let losses: [Loss] = [
      .mse, .mae, .huber(delta: 1), .quantile(levels: [0.1, 0.5, 0.9]), .gaussianNLL, .studentT, .poisson,
      .negativeBinomial, .bceWithLogits, .crossEntropy(),
    ]
    return losses.flatMap { loss in
      [Scaler.Method.minmax, .standard].flatMap { method in
        [Network.Readout.finalState, .everyStep].flatMap { readout -> [NetworkCase] in
          var network = network(.lstm, readout)
          network.head = [.linear(2 * loss.outputsPerTarget)]
          let hasUnits = !loss.takesClasses && !loss.takesCounts && loss != .bceWithLogits
          let scaler = scaler(method, targets: hasUnits ? 2 : 0, fills: method == .minmax)
          return cases("\(loss) \(method) \(readout)", network).map { plain in
            var given = plain
            given.interface.scaler = scaler
            given.interface.loss = loss
            if loss.takesClasses { given.probabilities = softmax }
            if loss == .bceWithLogits { given.probabilities = { $0.map { 1 / (1 + exp(-Double($0))) } } }
            given.inFile = { inFile($0, loss, scaler) }
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
  private static func inFile(_ row: [Float], _ loss: Loss, _ scaler: Scaler) -> [Double] {
    let each = loss.outputsPerTarget
    func place(_ value: Double, _ target: Int) -> Double {
      scaler.targets.isEmpty ? value : scaler.unscaleTarget(Float(value), target)
    }
    return (0..<2).flatMap { target -> [Double] in
      let own = Array(row[target * each..<(target + 1) * each])
      let rising = own.map { log1p(exp(Double($0))) }
      let unit = scaler.targetUnit(target)
      switch loss {
      case .quantile(let levels):
        let said = own.withUnsafeBufferPointer { PredictiveDistribution(loss, outputs: $0.baseAddress!) }
        return levels.map { place(said.quantile($0)!, target) }
      case .gaussianNLL: return [place(Double(own[0]), target), (rising[1] + 1e-3) * unit]
      case .studentT: return [place(Double(own[0]), target), (rising[1] + 1e-3) * unit, rising[2] + 2]
      case .poisson, .negativeBinomial: return rising
      case .crossEntropy, .bceWithLogits: return own.map(Double.init)
      case .mse, .mae, .huber: return [place(Double(own[0]), target)]
      }
    }
  }
}
