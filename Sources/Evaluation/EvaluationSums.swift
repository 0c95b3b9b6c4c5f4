import Dataset
import Recurrent

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// What is added up over batches in their order: loss, weight, negative log-likelihood and its count; then `Target` for each column of
/// targets, and where series have scales of their own, the same again in the units of the file.
struct EvaluationSums {
  private static let common = 4

  /// Sums over the known values of one column, each times its weight.
  struct TargetSums {
    /// Of values, and of their weights.
    var count = 0.0
    var weight = 0.0
    /// |error|, error², |error / actual|, and the weight of actual values of 0.
    var absolute = 0.0
    var squared = 0.0
    var relative = 0.0
    var zeros = 0.0
    /// actual - pivot, and its square.
    var distance = 0.0
    var square = 0.0
    /// Scores of what is said about quantiles, and the weight of what lies in the widest interval.
    var pinball = 0.0
    var crps = 0.0
    var covered = 0.0
    static let fields = MemoryLayout<TargetSums>.size / MemoryLayout<Double>.size
  }

  private let sums: [Double]
  private let targets: [TargetSums]
  /// In the units of the file, where these are not the same for all samples.
  private let originals: [TargetSums]?
  private let scaler: Scaler?

  init(_ sums: [Double], scaler: Scaler?) {
    self.sums = sums
    self.scaler = scaler
    let all = sums[Self.common...].withUnsafeBytes { Array($0.bindMemory(to: TargetSums.self)) }
    let hasOwn = scaler?.series != nil
    targets = hasOwn ? Array(all[..<(all.count / 2)]) : all
    originals = hasOwn ? Array(all[(all.count / 2)...]) : nil
  }

  static func fields(_ targetWidth: Int, _ scaler: Scaler?) -> Int {
    common + TargetSums.fields * targetWidth * (scaler?.series == nil ? 1 : 2)
  }

  /// Adds one batch.
  /// - outputs: `[rows, pivots, loss.outputsPerTarget]`.
  /// - pivots: a number near each target's, so that squares lose no digits; none for classes.
  /// - own: the scales of a row's series; asked for where series have some.
  static func add(
    _ total: Loss.Total, likelihood: Loss.Total, loss: Loss, outputs: UnsafePointer<Float>,
    targets: Loss.Targets, rows: Int, pivots: [Double], scaler: Scaler?, own: (Int) -> [Scaler.ColumnScale]?,
    to sums: UnsafeMutableBufferPointer<Double>
  ) {
    sums[0] += total.sum
    sums[1] += total.weight
    sums[2] += likelihood.sum
    sums[3] += likelihood.weight
    let (width, parameters) = (pivots.count, loss.outputsPerTarget)
    let levels = loss.levels
    for column in 0..<width {
      let place = UnsafeMutableRawPointer(sums.baseAddress! + common + TargetSums.fields * column)
      var target = place.load(as: TargetSums.self)
      var original = TargetSums()
      let originalPlace = scaler?.series == nil ? nil : place + MemoryLayout<TargetSums>.stride * width
      if let originalPlace { original = originalPlace.load(as: TargetSums.self) }
      for row in 0..<rows {
        let at = row * width + column
        let actual = targets.values[at]
        let weight = Double(targets.weight(of: at, perRow: width))
        guard weight > 0 else { continue }
        let said = levels.isEmpty ? nil : PredictiveDistribution(loss, outputs: outputs + at * parameters)
        let error = (said?.point ?? Double(outputs[at])) - Double(actual)
        let scales = originalPlace == nil ? nil : own(row)
        let unit = scaler?.targetUnit(column, own: scales) ?? 1
        let inFile = scaler?.unscaled(actual, column, scales) ?? Double(actual)
        // What float32 can't tell from 0 is 0.
        let least = scaler == nil ? 0 : unit * 1e-6
        target.add(
          actual: Double(actual), error: error, weight: weight, pivot: pivots[column], unit: unit,
          inFile: inFile,
          least: least)
        if let said { target.add(said, actual: Double(actual), levels: levels, weight: weight, unit: 1) }
        guard originalPlace != nil else { continue }
        original.add(
          actual: inFile, error: error * unit, weight: weight,
          pivot: scaler?.unscaled(Float(pivots[column]), column, nil) ?? 0, unit: 1, inFile: inFile,
          least: least)
        if let said { original.add(said, actual: Double(actual), levels: levels, weight: weight, unit: unit) }
      }
      place.storeBytes(of: target, as: TargetSums.self)
      originalPlace?.storeBytes(of: original, as: TargetSums.self)
    }
  }

  func metrics(samples: Int, loss: Loss, tokens: DataSpecification.Tokens?) -> EvaluationMetrics {
    var metrics = EvaluationMetrics(samples: samples, loss: sums[0] / sums[1])
    if let tokens, sums[3] > 0 {
      metrics.perplexity = exp(sums[2] / sums[3])
      if tokens != .word { metrics.bitsPerCharacter = sums[2] / sums[3] / log(2) }
    }
    guard loss.hasErrors, targets.contains(where: { $0.count > 0 }) else { return metrics }
    let hasLevels = !loss.levels.isEmpty
    let scaled = errors(of: targets, hasLevels: hasLevels) { _ in 1 }
    (metrics.mae, metrics.rmse, metrics.pinball, metrics.crps) =
      (scaled.mae, scaled.rmse, scaled.pinball, scaled.crps)
    if let nominal = loss.widestInterval {
      metrics.coverage = sum(\.covered) / sum(\.weight)
      metrics.nominalCoverage = nominal
    }
    let each = targetErrors([], loss)
    if each.allSatisfy({ $0.mape != nil }) { metrics.mape = mean(each.compactMap(\.mape)) }
    if each.allSatisfy({ $0.r2 != nil }) { metrics.r2 = mean(each.compactMap(\.r2)) }
    if let originals {
      metrics.originalUnits = errors(of: originals, hasLevels: hasLevels) { _ in 1 }
    } else if let scaler, !scaler.targets.isEmpty {
      metrics.originalUnits = errors(of: targets, hasLevels: hasLevels) { scaler.targetUnit($0) }
    }
    return metrics
  }

  /// The errors of each target in the units of the file.
  /// - names: numbers stand in for those that have none.
  func targetErrors(_ names: [String], _ loss: Loss) -> [EvaluationDetails.TargetErrors] {
    (originals ?? targets).enumerated().map { column, target in
      let unit = originals == nil ? scaler?.targetUnit(column) ?? 1 : 1
      let spread = target.square - target.distance * target.distance / target.weight
      var errors = EvaluationDetails.TargetErrors(
        name: column < names.count ? names[column] : "\(column)", mae: target.absolute / target.weight * unit,
        rmse: (target.squared / target.weight).squareRoot() * unit,
        mape: target.zeros == 0 && target.count > 0 ? target.relative / target.weight : nil,
        r2: target.count < 2 ? nil : spread > 0 ? 1 - target.squared / spread : target.squared == 0 ? 1 : 0)
      guard !loss.levels.isEmpty else { return errors }
      errors.pinball = target.pinball / target.weight * unit
      errors.crps = target.crps / target.weight * unit
      if loss.widestInterval != nil { errors.coverage = target.covered / target.weight }
      return errors
    }
  }

  private func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }
  private func sum(_ field: KeyPath<TargetSums, Double>) -> Double {
    targets.reduce(0) { $0 + $1[keyPath: field] }
  }

  /// - unit: what a column's errors are multiplied with.
  private func errors(
    of targets: [TargetSums], hasLevels: Bool, unit: (Int) -> Double
  ) -> EvaluationMetrics.OriginalUnits {
    func mean(_ field: KeyPath<TargetSums, Double>, _ power: Double = 1) -> Double {
      let sum = targets.indices.reduce(0.0) { sum, column in
        let unit = unit(column)
        return sum + targets[column][keyPath: field] * unit * (power == 2 ? unit : 1)
      }
      return sum / self.sum(\.weight)
    }
    var errors = EvaluationMetrics.OriginalUnits(mae: mean(\.absolute), rmse: mean(\.squared, 2).squareRoot())
    if hasLevels { (errors.pinball, errors.crps) = (mean(\.pinball), mean(\.crps)) }
    return errors
  }
}

extension EvaluationSums.TargetSums {
  /// - unit: of the error; inFile: the actual value, which is 0 up to `least`, in the units of the file.
  fileprivate mutating func add(
    actual: Double, error: Double, weight: Double, pivot: Double, unit: Double, inFile: Double, least: Double
  ) {
    count += 1
    self.weight += weight
    absolute += weight * abs(error)
    squared += weight * error * error
    let original = abs(inFile)
    if original > least {
      relative += weight * (abs(error) * unit / original)
    } else {
      zeros += weight
    }
    let distance = actual - pivot
    self.distance += weight * distance
    square += weight * distance * distance
  }

  fileprivate mutating func add(
    _ said: PredictiveDistribution, actual: Double, levels: [Double], weight: Double, unit: Double
  ) {
    pinball += weight * unit * (said.pinball(actual, levels: levels) ?? 0)
    crps += weight * unit * (said.crps(actual) ?? 0)
    guard let low = said.quantile(levels[0]), let high = said.quantile(levels[levels.count - 1]) else {
      return
    }
    if low <= actual, actual <= high { covered += weight }
  }
}

extension Loss {
  /// The share of actual values that should lie between the outermost levels; nil where there are not two.
  var widestInterval: Double? {
    guard let low = levels.first, let high = levels.last, low < high else { return nil }
    return high - low
  }
}

extension Scaler {
  fileprivate func unscaled(_ value: Float, _ column: Int, _ own: [ColumnScale]?) -> Double {
    targets.isEmpty ? Double(value) : unscale(value, (own ?? targets)[column])
  }
}
