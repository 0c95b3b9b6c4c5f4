import Foundation
import Recurrent
import TestSupport
import Testing

@Suite("Forecasts equal SciPy's", .tags(.fast)) struct PredictiveDistributionTests {
  struct Expected: Decodable, Sendable, CustomStringConvertible {
    let name: String
    let outputs: [Float]
    let actual, point, crps: Double
    let quantiles: [Double]
    var description: String { "\(name) of \(outputs) for \(actual)" }

    var loss: Loss {
      switch name {
      case "gaussian_nll": .gaussianNLL
      case "student_t": .studentT
      case "poisson": .poisson
      default: .negativeBinomial
      }
    }
  }

  static let levels = [0.001, 0.1, 0.5, 0.75, 0.9, 0.99]
  static let expected: [Expected] = (try? Reference.load("distributions.json")) ?? []

  @Test func `all cases are there`() { #expect(Self.expected.count == 120) }

  @Test(arguments: expected) func `point, quantiles, score`(_ expected: Expected) throws {
    let said = PredictiveDistribution(expected.loss, outputs: expected.outputs)
    expectClose(said.point, expected.point, 1e-9)
    for (level, quantile) in zip(Self.levels, expected.quantiles) {
      expectClose(try #require(said.quantile(level)), quantile, expected.loss.takesCounts ? 0 : 1e-8)
    }
    expectClose(try #require(said.crps(expected.actual)), expected.crps, 1e-6)
  }

  private func expectClose(_ found: Double, _ expected: Double, _ tolerance: Double) {
    #expect(abs(found - expected) <= tolerance * max(1, abs(expected)), "\(found), not \(expected)")
  }

  @Test func `quantiles of a quantile loss never cross`() throws {
    let said = PredictiveDistribution(.quantile(levels: [0.1, 0.4, 0.8]), outputs: [5, 1, 3])
    let quantiles = try [0.05, 0.1, 0.2, 0.4, 0.5, 0.8, 0.95].map { try #require(said.quantile($0)) }
    for (found, expected) in zip(quantiles, [1, 1, 1 + 2.0 / 3, 3, 3.5, 5, 5]) {
      expectClose(found, expected, 1e-12)
    }
    expectClose(said.point, 3.5, 1e-12)
    // The losses of 1, 3 and 5 for 4: 0.1·3, 0.4·1 and 0.2·1.
    expectClose(try #require(said.pinball(4, levels: [0.1, 0.4, 0.8])), 0.3, 1e-12)
    expectClose(try #require(said.crps(4)), 0.6, 1e-12)
    #expect(PredictiveDistribution(.quantile(levels: [0.1, 0.5]), outputs: [2, 7]).point == 7)
  }

  @Test func `of other losses there is a point alone`() {
    let outputs: [Float] = [0.25]
    for loss in [Loss.mse, .mae, .huber(delta: 1)] {
      let said = PredictiveDistribution(loss, outputs: outputs)
      #expect(said.point == 0.25 && said.quantile(0.5) == nil && said.crps(1) == nil)
      #expect(loss.levels.isEmpty && said.pinball(1, levels: [0.5]) == nil)
    }
    #expect(PredictiveDistribution(.bceWithLogits, outputs: [0]).point == 0.5)
  }

  @Test(arguments: [Loss.gaussianNLL, .studentT, .poisson, .negativeBinomial])
  func `any outputs are answered, in order and soon`(_ loss: Loss) throws {
    let edges: [Float] = [-1e30, -1000, -80, -3, 0, 3, 80, 5000, 1e9, 1e30]
    for a in edges {
      for b in edges {
        let said = PredictiveDistribution(loss, outputs: [a, b, a])
        let quantiles = try Self.levels.map { try #require(said.quantile($0)) }
        #expect(quantiles == quantiles.sorted() && quantiles.allSatisfy { !$0.isNaN }, "\(a), \(b)")
        let crps = try #require(said.crps(12))
        #expect(crps >= -1e-6 * abs(said.point - 12), "\(crps) of \(a), \(b)")
      }
    }
  }

  @Test func `large counts are counted coarsely, with nearly the same result`() throws {
    for (mean, dispersion) in [(30_000.0, 0.0045), (60_000, 1), (4e6, 1e-9)] {
      let raw = { (x: Double) in Float(x > 30 ? x : log(expm1(x))) }
      let said = PredictiveDistribution(.negativeBinomial, outputs: [raw(mean), raw(dispersion)])
      let deviation = (mean + dispersion * mean * mean).squareRoot()
      #expect(abs(said.point - mean) < 1e-3 * mean)
      let ninety = try #require(said.quantile(0.9))
      // Of the exponential distribution, which a dispersion of 1 is near, and of the normal one.
      let expected = mean + deviation * (dispersion == 1 ? log(10) - 1 : 1.2816)
      #expect(abs(ninety - expected) < 0.02 * deviation, "\(ninety), \(expected)")
    }
  }
}
