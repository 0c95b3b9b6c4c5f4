import CKernels
import Foundation
import Kernels
import TestSupport
import Testing

/// exp, sigmoid and tanh of every instruction set against double precision.
@Suite(.tags(.fast)) struct FunctionTests {
  enum Function: String, CaseIterable {
    case exp, sigmoid, tanh

    func exact(_ x: Double) -> Double {
      switch self {
      case .exp: Foundation.exp(x)
      case .sigmoid: 1 / (1 + Foundation.exp(-x))
      case .tanh: Foundation.tanh(x)
      }
    }

    func apply(_ x: [Float], _ kernels: KernelSet) -> [Float] {
      var y = [Float](repeating: .nan, count: x.count)
      let f = kernels.functions
      switch self {
      case .exp: f.exp(x, &y, x.count)
      case .sigmoid: f.sigmoid(x, &y, x.count)
      case .tanh: f.tanh(x, &y, x.count)
      }
      return y
    }
  }

  /// Distance in units of the last place of the exact value; results below the normal numbers may be flushed to zero.
  private func ulps(_ value: Float, _ exact: Double) -> Double {
    if exact.isNaN { return value.isNaN ? 0 : .infinity }
    if abs(exact) > Double(Float.greatestFiniteMagnitude) { return value.isInfinite ? 0 : .infinity }
    if abs(exact) < Double(Float.leastNormalMagnitude) {
      return abs(Double(value) - exact) / Double(Float.leastNormalMagnitude)
    }
    return abs(Double(value) - exact) / Double(Float(exact).ulp)
  }

  @Test(arguments: Function.allCases) func `are within three ulp over all floats`(_ function: Function) {
    for kernels in KernelSet.available {
      var worst = 0.0
      // Every 9973rd bit pattern: infinities, NaN and denormals are among them.
      for start in stride(from: 0, to: UInt64(1) << 32, by: 9973 * 512) {
        let x = (0..<512).map { Float(bitPattern: UInt32(truncatingIfNeeded: start + 9973 * $0)) }
        for (x, y) in zip(x, function.apply(x, kernels)) {
          worst = max(worst, ulps(y, function.exact(Double(x))))
        }
      }
      #expect(worst < 3, "\(kernels.name) \(function)")
    }
  }

  @Test(arguments: Function.allCases) func `treat special values as they should`(_ function: Function) {
    let x: [Float] = [0, -0.0, .infinity, -.infinity, .nan, .leastNonzeroMagnitude, -.leastNormalMagnitude]
    for kernels in KernelSet.available {
      for (x, y) in zip(x, function.apply(x, kernels)) {
        let exact = Float(function.exact(Double(x)))
        #expect(y == exact || y.isNaN && exact.isNaN, "\(kernels.name) \(function)(\(x)) = \(y)")
      }
      if function == .tanh { #expect(function.apply([-0.0], kernels)[0].sign == .minus) }
    }
  }

  @Test(arguments: Function.allCases) func `give the same bits at any place`(_ function: Function) {
    let x = (0..<67).map { Float($0) * 0.17 - 5 }
    for kernels in KernelSet.available {
      let whole = function.apply(x, kernels)
      for count in 1...40 { #expect(function.apply(Array(x.suffix(count)), kernels) == whole.suffix(count)) }
    }
  }
}
