import Batches
import Collective
import Dataset
import Foundation
import Recurrent
import TestSupport
import Testing
import Training

@Suite("Metrics equal scikit-learn's", .tags(.fast)) struct MetricsTests {
  struct Expected: Decodable, Sendable, CustomStringConvertible {
    let kind: String
    let rows, width: Int
    let ignore: Int32?
    let levels: [Double]?
    let weighted, unknown: Bool?
    let pinball, crps, coverage, nominalCoverage, unit: Double?
    let accuracy, macroF1, perplexity: Double?
    let top: [String: Double]?
    let confusion: [[Double]]?
    let precision, recall, f1: [Double]?
    let support: [Double]?
    let method: Scaler.Method?
    let columns: [Scaler.ColumnScale]?
    let mae, rmse, mape, r2: Double?
    let maeEach, rmseEach, mapeEach, r2Each: [Double]?

    var description: String {
      "\(kind) \(rows)×\(width) \(method?.rawValue ?? "")\(weighted == true ? " weighted" : "")\(unknown == true ? " with unknown" : "")"
    }
    var loss: Loss {
      switch kind {
      case "classes": .crossEntropy(ignoreIndex: ignore ?? -100)
      case "labels": .bceWithLogits
      case "quantile", "quantile_one": .quantile(levels: levels!)
      case "gaussian_nll": .gaussianNLL
      case "student_t": .studentT
      case "poisson": .poisson
      case "negative_binomial": .negativeBinomial
      default: .mse
      }
    }
    var scaler: Scaler? { method.map { Scaler(method: $0, features: [], targets: columns!) } }
  }

  static let expected: [Expected] = (try? Reference.load("metrics.json")) ?? []

  static let uncertain: [Expected] = (try? Reference.load("uncertainty.json")) ?? []

  @Test func `all cases are there`() { #expect(Self.expected.count == 38 && Self.uncertain.count == 22) }

  @Test(arguments: uncertain) func `for what is said about quantiles`(_ expected: Expected) throws {
    let one = try examine(expected, Solo())
    let found = one.metrics
    let unit = expected.unit ?? 1
    expectClose([found.pinball, found.crps], [expected.pinball, expected.crps], 1e-6)
    expectClose(
      [found.coverage, found.nominalCoverage], [expected.coverage, expected.nominalCoverage], 1e-9)
    expectClose([found.mae.map { $0 * unit }], [expected.mae], 1e-6)
    expectClose([found.rmse.map { $0 * unit }], [expected.rmse], 1e-6)
    if expected.method != nil {
      expectClose(
        [found.originalUnits?.mae, found.originalUnits?.crps],
        [expected.mae, expected.crps.map { $0 * unit }],
        1e-6)
    }
    let each = one.details.targets ?? []
    #expect(each.count == expected.width)
    let weights = WaveSet(expected).columnWeights
    let mean = zip(each, weights).reduce(0) { $0 + ($1.0.crps ?? .nan) * $1.1 } / weights.reduce(0, +)
    expectClose([mean], [expected.crps.map { $0 * unit }], 1e-6)
    let shared = try Threaded.withRanks(3) { try examine(expected, $0) }
    #expect(shared.allSatisfy { $0.metrics == one.metrics && $0.details == one.details })
  }

  @Test(arguments: expected) func `for classes, labels and values`(_ expected: Expected) throws {
    let one = try examine(expected, Solo())
    check(one.metrics, expected)
    check(one.details, expected)
    // Three ranks share the batches and get the same bits.
    let shared = try Threaded.withRanks(3) { try examine(expected, $0) }
    #expect(shared.allSatisfy { $0.metrics == one.metrics && $0.details == one.details })
  }

  private func examine(_ expected: Expected, _ group: any Communicator) throws
    -> (metrics: EvaluationMetrics, details: EvaluationDetails)
  {
    let evaluator = Evaluator(
      model: try identity(expected.width * expected.loss.outputsPerTarget), loss: expected.loss,
      scaler: expected.scaler, communicator: group)
    evaluator.topK = [2, 3, 5]
    return try evaluator.examine(WaveSet(expected), classNames: ["zero"], targetNames: ["first"])
  }

  /// A network whose outputs are its inputs.
  private func identity(_ width: Int) throws -> Model {
    let model = try Model(
      Network(.none, inputs: width, steps: 1, head: [.linear(width, bias: false)]), seed: 0)
    for i in 0..<width * width { model.parameters[i] = i % (width + 1) == 0 ? 1 : 0 }
    model.parametersChanged()
    return model
  }

  private func check(_ found: EvaluationMetrics, _ expected: Expected) {
    #expect(found.samples == expected.rows)
    expectClose([found.accuracy], [expected.accuracy])
    expectClose([found.macroF1], [expected.macroF1])
    expectClose([found.top5Accuracy], [expected.top?["5"]])
    expectClose([found.perplexity], [expected.perplexity], 1e-6)
    expectClose([found.mape], [expected.mape], 1e-5)
    expectClose([found.r2], [expected.r2], 1e-5)
    if expected.method == nil {
      expectClose([found.mae, found.rmse], [expected.mae, expected.rmse])
      #expect(found.originalUnits == nil)
    } else {
      expectClose(
        [found.originalUnits?.mae, found.originalUnits?.rmse], [expected.mae, expected.rmse], 1e-5)
    }
  }

  private func check(_ found: EvaluationDetails, _ expected: Expected) {
    #expect(found.confusion == expected.confusion)
    #expect(found.classes?.map(\.support) == expected.support)
    expectClose(found.classes?.map(\.precision) ?? [], expected.precision ?? [])
    expectClose(found.classes?.map(\.recall) ?? [], expected.recall ?? [])
    expectClose(found.classes?.map(\.f1) ?? [], expected.f1 ?? [])
    #expect(found.topAccuracy ?? [:] == expected.top ?? [:])
    expectClose(found.targets?.map(\.mae) ?? [], expected.maeEach ?? [], 1e-5)
    expectClose(found.targets?.map(\.rmse) ?? [], expected.rmseEach ?? [], 1e-5)
    expectClose(found.targets?.map(\.mape) ?? [], expected.mapeEach ?? [], 1e-5)
    expectClose(found.targets?.map(\.r2) ?? [], expected.r2Each ?? [], 1e-5)
    if let classes = found.classes {
      #expect(classes.map(\.name) == ["zero"] + (1..<expected.width).map(String.init))
    }
  }

  private func expectClose(_ found: [Double?], _ expected: [Double?], _ tolerance: Double = 1e-12) {
    #expect(found.count == expected.count)
    for (a, b) in zip(found, expected) {
      guard let a, let b else {
        #expect(a == nil && b == nil)
        continue
      }
      #expect(abs(a - b) <= tolerance * max(1, abs(b)))
    }
  }

  @Test func `a target of 0 has no percentage, a constant one no spread`() throws {
    var set = WaveSet(Self.expected.first { $0.kind == "values" && $0.width == 1 && $0.rows == 1000 }!)
    set.targets = set.targets.map { _ in 0 }
    let model = try identity(1)
    let metrics = try Evaluator(model: model, loss: .mae, scaler: nil).evaluate(set)
    #expect(metrics.mape == nil && metrics.r2 == 0)
    set.targets = set.outputs
    let exact = try Evaluator(model: model, loss: .mae, scaler: nil).evaluate(set)
    #expect(exact.r2 == 1 && exact.rmse == 0)
  }

  @Test func `perplexity does not see weights and smoothing`() throws {
    let expected = try #require(Self.expected.first { $0.kind == "classes" && $0.width == 3 })
    let loss = Loss.crossEntropy(classWeights: [1, 7, 2], labelSmoothing: 0.3)
    let evaluator = Evaluator(model: try identity(3), loss: loss, scaler: nil)
    expectClose([try evaluator.evaluate(WaveSet(expected)).perplexity], [expected.perplexity], 1e-6)
  }
}

/// Samples of one step whose inputs are the outputs of the reference script.
private struct WaveSet: SampleSet {
  var shape: SampleShape
  let outputs: [Float]
  var targets: [Float]
  let labels: [Int32]
  let count: Int

  init(_ expected: MetricsTests.Expected) {
    let (rows, width, loss) = (expected.rows, expected.width, expected.loss)
    count = rows
    shape = SampleShape(
      steps: 1, features: width * loss.outputsPerTarget,
      target: expected.kind == "classes" ? .classes(count: width) : .values(width: width))
    (shape.weightsPerRow, shape.hasUnknownTargets) = (
      expected.weighted == true ? 1 : 0, expected.unknown ?? false
    )
    let isUnknown = { (k: Int) in expected.unknown == true && k % 5 == 2 }
    // Perplexity is measured of text.
    if expected.perplexity != nil { shape.tokens = .word }
    outputs = Reference.wave(rows * shape.features, phase: 0.3)
    let wave = Reference.wave(rows * width, phase: 0.8)
    targets = wave.enumerated().map { index, value in
      if isUnknown(index) { return .nan }
      if loss.takesCounts { return Float((abs(Double(value) * 7)).rounded(.down)) }
      return expected.kind == "labels" ? (value > 0 ? 1 : 0) : value
    }
    labels = Reference.classes(rows, width: width, ignore: expected.ignore).enumerated().map {
      isUnknown($0) ? -1 : $1
    }
  }

  /// Of the known values of each column.
  var columnWeights: [Double] {
    let width = shape.targetWidth
    var sums = [Double](repeating: 0, count: width)
    for (index, target) in targets.enumerated() where !target.isNaN {
      sums[index % width] += shape.hasWeights ? Double(index / width % 4) * 0.5 : 1
    }
    return sums
  }

  func length(of sample: Int) -> Int { 1 }

  func fill(_ batch: Batch) {
    let width = shape.features
    batch.rows.forEachRow { row, place, _ in
      let sample = Int(batch.numbers[place])
      for column in 0..<width {
        batch.inputs[row * width + column] = outputs[sample * width + column]
      }
      for column in 0..<shape.targetWidth {
        batch.values[row * shape.targetWidth + column] = targets[sample * shape.targetWidth + column]
      }
      batch.weights?[row] = Float(sample % 4) * 0.5
      if case .classes = shape.target { batch.classes[row] = labels[sample] }
    }
  }
}
