import Batches
import Collective
import Dataset
import Foundation
import Recurrent
import TestSupport
import Testing
import Training

@Suite("Metrics equal scikit-learn's") struct MetricsTests {
  struct Expected: Decodable, Sendable, CustomStringConvertible {
    let kind: String
    let rows, width: Int
    let ignore: Int32?
    let accuracy, macroF1, perplexity: Double?
    let top: [String: Double]?
    let confusion: [[Int]]?
    let precision, recall, f1: [Double]?
    let support: [Int]?
    let method: Scaler.Method?
    let columns: [Scaler.Column]?
    let mae, rmse, mape, r2: Double?
    let maeEach, rmseEach, mapeEach, r2Each: [Double]?

    var description: String { "\(kind) \(rows)×\(width) \(method?.rawValue ?? "")" }
    var loss: Loss {
      switch kind {
      case "classes": .crossEntropy(ignoreIndex: ignore ?? -100)
      case "labels": .bceWithLogits
      default: .mse
      }
    }
    var scaler: Scaler? { method.map { Scaler(method: $0, features: [], targets: columns!) } }
  }

  static let expected: [Expected] = (try? Reference.load("metrics.json")) ?? []

  @Test func `all cases are there`() { #expect(Self.expected.count == 26) }

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
      model: try identity(expected.width), loss: expected.loss, scaler: expected.scaler, communicator: group)
    evaluator.topK = [2, 3, 5]
    return try evaluator.examine(WaveSet(expected), classNames: ["zero"], targetNames: ["first"])
  }

  /// A network whose outputs are its inputs.
  private func identity(_ width: Int) throws -> Model {
    let model = try Model(
      Architecture(cell: .none, inputSize: width, steps: 1, head: [.linear(width, bias: false)]), seed: 0)
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
    let (rows, width) = (expected.rows, expected.width)
    count = rows
    shape = SampleShape(
      steps: 1, features: width,
      target: expected.kind == "classes" ? .classes(count: width) : .values(width: width))
    // Perplexity is measured of text.
    if expected.perplexity != nil { shape.tokens = .word }
    outputs = Reference.wave(rows * width, phase: 0.3)
    let wave = Reference.wave(rows * width, phase: 0.8)
    targets = expected.kind == "labels" ? wave.map { $0 > 0 ? 1 : 0 } : wave
    labels = Reference.classes(rows, width: width, ignore: expected.ignore)
  }

  func length(of sample: Int) -> Int { 1 }

  func fill(_ batch: Batch) {
    let width = shape.features
    batch.rows.forEachRow { row, place, _ in
      let sample = Int(batch.numbers[place])
      for column in 0..<width {
        batch.inputs[row * width + column] = outputs[sample * width + column]
        if case .values = shape.target {
          batch.values[row * width + column] = targets[sample * width + column]
        }
      }
      if case .classes = shape.target { batch.classes[row] = labels[sample] }
    }
  }
}
