import Foundation
import Kernels
import Recurrent
import TestSupport
import Testing

@Suite("Losses equal PyTorch's", .tags(.fast)) struct LossTests {
  struct Expected: Decodable, Sendable, CustomStringConvertible {
    let name: String
    let levels: [Double]?
    let rows, targets: Int
    let scale: Float
    let weighted, unknown: Bool
    let sum, weight: Double
    let gradient: Reference.Floats
    var description: String {
      "\(name) \(rows)×\(targets)\(weighted ? " weighted" : "")\(unknown ? " with unknown" : "")"
    }
  }

  /// One target, of outputs that leave no digits to a careless formula.
  struct Extreme: Decodable, Sendable {
    let name: String
    let outputs: [Float]
    let actual: Float
    let value: Double
    let slopes: [Double]
  }

  static let expected: [Expected] = (try? Reference.load("losses.json")) ?? []
  static let extremes: [Extreme] = (try? Reference.load("extremes.json")) ?? []

  @Test func `all cases are there`() {
    #expect(Self.expected.count == 88 && Self.extremes.count == 108)
  }

  @Test(arguments: expected, KernelSet.available.map(\.name))
  func `sums, weights and gradients`(_ expected: Expected, _ kernels: String) throws {
    let made = Made(expected)
    let kernels = try #require(KernelSet(named: kernels))
    let (total, gradient) = made.evaluate(kernels)
    #expect(abs(total.sum - expected.sum) <= 1e-5 * max(1, abs(expected.sum)))
    #expect(abs(total.weight - expected.weight) <= 1e-12 * expected.weight)
    #expect(relativeDistance(gradient, expected.gradient.values) < 1e-5)
    // What does not count has a gradient of exactly 0.
    for (index, value) in expected.gradient.values.enumerated() where value == 0 {
      #expect(abs(gradient[index]) < 1e-6)
      if made.weight(ofOutput: index) == 0 { #expect(gradient[index] == 0) }
    }
  }

  @Test(arguments: expected) func `in parts, the sums have the same bits`(_ expected: Expected) {
    let made = Made(expected)
    let whole = made.evaluate(.portable)
    let cut = expected.rows / 3
    let first = made.evaluate(.portable, rows: 0..<cut)
    let both = made.evaluate(.portable, rows: cut..<expected.rows, addingTo: first.total)
    #expect(both.total == whole.total && first.gradient + both.gradient == whole.gradient)
  }

  @Test(arguments: extremes) func `outputs of any size`(_ expected: Extreme) {
    var gradient = [Float](repeating: .nan, count: expected.outputs.count)
    let total = Made.loss(expected.name).evaluate(
      outputs: expected.outputs, rows: 1, width: expected.outputs.count, values: [expected.actual],
      classes: [0], gradient: &gradient)
    #expect(abs(total.sum - expected.value) <= 1e-5 * max(1, abs(expected.value)))
    for (found, slope) in zip(gradient, expected.slopes) {
      #expect(
        abs(Double(found) - slope) <= 1e-5 * max(1, abs(slope)), "\(expected): \(gradient)")
    }
  }

  @Test(arguments: ["gaussian_nll", "student_t", "poisson", "negative_binomial"])
  func `nothing finite overflows`(_ name: String) {
    let loss = Made.loss(name)
    let edges: [Float] = [-1e30, -1000, -80, -0.0, 1e-30, 80, 1000, 1e15]
    for a in edges {
      for b in edges {
        var gradient: [Float] = [.nan, .nan, .nan]
        let width = loss.outputsPerTarget
        let total = loss.evaluate(
          outputs: [a, b, a], rows: 1, width: width, values: [7], classes: [0], gradient: &gradient)
        #expect(total.sum.isFinite, "\(name) of \(a), \(b)")
        if abs(a) < 1e14 {
          #expect(!gradient[..<width].contains { !$0.isFinite }, "\(name) of \(a), \(b): \(gradient)")
        }
      }
    }
  }

  @Test(arguments: expected.filter { !$0.weighted && !$0.unknown && $0.name != "cross_entropy" })
  func `gradients are those of the function`(_ expected: Expected) {
    let made = Made(expected)
    let gradient = made.evaluate(.portable).gradient
    for index in stride(from: 0, to: gradient.count, by: 7) {
      var (up, down) = (made, made)
      up.outputs[index] += 1.0 / 1024
      down.outputs[index] -= 1.0 / 1024
      let difference = up.evaluate(.portable).total.sum - down.evaluate(.portable).total.sum
      let step = Double(up.outputs[index]) - Double(down.outputs[index])
      // Where a corner lies between, there is no slope.
      guard made.isSmooth(at: index) else { continue }
      #expect(abs(difference / step - Double(gradient[index])) < 2e-3 * max(1, abs(Double(gradient[index]))))
    }
  }

  @Test func `nothing known is weightless`() {
    let unknown = UnsafeMutablePointer<Float>.allocate(capacity: 2)
    unknown.initialize(repeating: .nan, count: 2)
    let label = UnsafeMutablePointer<Int32>.allocate(capacity: 1)
    label.initialize(to: -1)
    defer {
      unknown.deallocate()
      label.deallocate()
    }
    for loss in [Loss.mse, .gaussianNLL, .bceWithLogits, .crossEntropy()] {
      var gradient: [Float] = [.nan, .nan]
      let total = loss.evaluate(
        outputs: [3, 4], rows: 1, width: 2,
        targets: Loss.Targets(values: unknown, classes: label, mayBeUnknown: true), gradient: &gradient)
      #expect(total == Loss.Total() && gradient == [0, 0])
    }
  }
}

/// Outputs and targets as the script makes them.
private struct Made {
  let loss: Loss
  let rows, targets, width: Int
  var outputs: [Float]
  private let values: [Float]
  private let classes: [Int32]
  private let weights: [Float]?
  private let mayBeUnknown: Bool

  init(_ expected: LossTests.Expected) {
    let loss = Self.loss(expected.name, expected.levels, targets: expected.targets)
    let (rows, targets) = (expected.rows, expected.targets)
    (self.loss, self.rows, self.targets) = (loss, rows, targets)
    width = targets * loss.outputsPerTarget
    outputs = Reference.wave(rows * width, phase: 0.3).map { $0 * expected.scale }
    let isUnknown = { (k: Int) in expected.unknown && k % 5 == 2 }
    let wave = Reference.wave(rows * targets, phase: 0.8).map { value in
      let counts = Float((abs(Double(value) * 7)).rounded(.down))
      return loss.takesCounts ? counts : loss == .bceWithLogits ? (value > 0 ? 1 : 0) : value
    }
    values = wave.enumerated().map { isUnknown($0) ? .nan : $1 }
    classes = Reference.classes(rows, width: targets, ignore: 1).enumerated().map { isUnknown($0) ? -1 : $1 }
    weights = expected.weighted ? (0..<rows).map { Float($0 % 4) * 0.5 } : nil
    mayBeUnknown = expected.unknown
  }

  static func loss(_ name: String, _ levels: [Double]? = nil, targets: Int = 1) -> Loss {
    switch name {
    case "mse": .mse
    case "mae": .mae
    case "huber": .huber(delta: 0.6)
    case "bce_with_logits": .bceWithLogits
    case "gaussian_nll": .gaussianNLL
    case "student_t": .studentT
    case "poisson": .poisson
    case "negative_binomial": .negativeBinomial
    case "cross_entropy":
      .crossEntropy(
        ignoreIndex: 1, classWeights: (0..<targets).map { 1 + 0.5 * Float($0) }, labelSmoothing: 0.1)
    default: .quantile(levels: levels ?? [])
    }
  }

  func weight(ofOutput index: Int) -> Float {
    if loss.takesClasses { return classes[index / width] < 0 ? 0 : weights?[index / width] ?? 1 }
    return values[index / loss.outputsPerTarget].isNaN ? 0 : weights?[index / width] ?? 1
  }

  /// Whether no corner of the loss lies near an output.
  func isSmooth(at index: Int) -> Bool {
    switch loss {
    case .mae, .huber, .quantile:
      let distance = abs(outputs[index] - values[index / loss.outputsPerTarget])
      return distance > 0.01 && abs(distance - 0.6) > 0.01
    default: return true
    }
  }

  func evaluate(
    _ kernels: KernelSet, rows part: Range<Int>? = nil, addingTo start: Loss.Total = Loss.Total()
  ) -> (total: Loss.Total, gradient: [Float]) {
    let part = part ?? 0..<rows
    var gradient = [Float](repeating: .nan, count: part.count * width)
    let total = values.withUnsafeBufferPointer { values in
      classes.withUnsafeBufferPointer { classes in
        (weights ?? []).withUnsafeBufferPointer { memory in
          outputs.withUnsafeBufferPointer { outputs in
            loss.evaluate(
              outputs: outputs.baseAddress! + part.lowerBound * width, rows: part.count, width: width,
              targets: Loss.Targets(
                values: values.baseAddress! + part.lowerBound * targets,
                classes: classes.baseAddress! + part.lowerBound,
                weights: weights == nil ? nil : memory.baseAddress! + part.lowerBound,
                mayBeUnknown: mayBeUnknown), gradient: &gradient, kernels: kernels, addingTo: start)
          }
        }
      }
    }
    return (total, gradient)
  }
}
