import CUDA
import Foundation

/// A recurrent layer in plain loops and double precision, its weights laid out in an order of its own: what a library does in place
/// of the kernels, to see that programs and weight maps ask the right thing of it.
struct ReferenceRecurrence {
  let shape: RecurrentShape
  private let map: WeightMap
  private let spaceCount: Int
  private var gates: Int { shape.cell.gates }

  init(_ shape: RecurrentShape) {
    self.shape = shape
    let largest = shape.hidden * max(shape.input, shape.hidden) + shape.hidden + 3
    spaceCount = 2 * shape.directions * shape.cell.gates * largest
    // Matrices from the last to the first, with gaps, each behind its bias.
    map = WeightMap(shape) { direction, matrix in
      let number = 2 * shape.directions * shape.cell.gates - 1 - (direction * 2 * shape.cell.gates + matrix)
      return (number * largest + shape.hidden, shape.hasBias ? number * largest : nil)
    }
  }

  /// One direction's matrices and biases, or their gradients.
  private struct Weights {
    var matrices: [[Double]]
    var biases: [[Double]]
  }

  private func space(_ parameters: UnsafePointer<Float>) -> [Float] {
    var space = [Float](repeating: .nan, count: spaceCount)
    for piece in map.pieces {
      for i in 0..<piece.count { space[piece.theirs + i] = parameters[piece.own + i] }
    }
    return space
  }

  private func place(_ direction: Int, _ matrix: Int) -> (start: Int, width: Int) {
    let largest = shape.hidden * max(shape.input, shape.hidden) + shape.hidden + 3
    let number = 2 * shape.directions * gates - 1 - (direction * 2 * gates + matrix)
    return (number * largest, matrix < gates ? shape.input : shape.hidden)
  }

  private func weights(_ space: [Float], _ direction: Int) -> Weights {
    let all = (0..<2 * gates).map { place(direction, $0) }
    return Weights(
      matrices: all.map { p in
        (0..<shape.hidden * p.width).map { Double(space[p.start + shape.hidden + $0]) }
      },
      biases: all.map { p in (0..<shape.hidden).map { shape.hasBias ? Double(space[p.start + $0]) : 0 } })
  }

  /// What a step of one sequence leaves for backward.
  private struct Step {
    var x, h, c: [Double]
    /// Activated gates, the recurrent product of GRU's n, and the new cell.
    var gates: [[Double]]
    var product: [Double]
    var cell: [Double]
  }

  private func times(_ matrix: [Double], _ x: [Double]) -> [Double] {
    (0..<shape.hidden).map { row in
      x.indices.reduce(0) { $0 + matrix[row * x.count + $1] * x[$1] }
    }
  }

  private func sigmoid(_ x: Double) -> Double { 1 / (1 + exp(-x)) }

  private func step(_ w: Weights, _ x: [Double], _ h: [Double], _ c: [Double]) -> (Step, h: [Double]) {
    let own = (0..<gates).map { k in zip(times(w.matrices[k], x), w.biases[k]).map(+) }
    let rec = (0..<gates).map { k in zip(times(w.matrices[gates + k], h), w.biases[gates + k]).map(+) }
    let units = 0..<shape.hidden
    var s = Step(x: x, h: h, c: c, gates: [], product: [], cell: [])
    switch shape.cell {
    case .tanh, .relu:
      s.gates = [
        units.map { shape.cell == .tanh ? tanh(own[0][$0] + rec[0][$0]) : max(0, own[0][$0] + rec[0][$0]) }
      ]
      return (s, s.gates[0])
    case .lstm:
      s.gates = (0..<4).map { k in
        units.map { k == 2 ? tanh(own[k][$0] + rec[k][$0]) : sigmoid(own[k][$0] + rec[k][$0]) }
      }
      s.cell = units.map { s.gates[1][$0] * c[$0] + s.gates[0][$0] * s.gates[2][$0] }
      return (s, units.map { s.gates[3][$0] * tanh(s.cell[$0]) })
    case .gru:
      let r = units.map { sigmoid(own[0][$0] + rec[0][$0]) }
      let z = units.map { sigmoid(own[1][$0] + rec[1][$0]) }
      let n = units.map { tanh(own[2][$0] + r[$0] * rec[2][$0]) }
      (s.gates, s.product) = ([r, z, n], rec[2])
      return (s, units.map { (1 - z[$0]) * n[$0] + z[$0] * h[$0] })
    }
  }

  /// All steps of one sequence in one direction, in the order they are walked.
  private func walk(_ w: Weights, _ input: UnsafePointer<Float>, _ sequence: Int, reverse: Bool) -> [(
    Step, h: [Double]
  )] {
    var (h, c) = ([Double](repeating: 0, count: shape.hidden), [Double](repeating: 0, count: shape.hidden))
    return (0..<shape.steps).map { index in
      let row = time(index, reverse) * shape.batch + sequence
      let x = (0..<shape.input).map { Double(input[row * shape.input + $0]) }
      let result = step(w, x, h, c)
      (h, c) = (result.h, result.0.cell)
      return result
    }
  }

  private func time(_ index: Int, _ reverse: Bool) -> Int { reverse ? shape.steps - 1 - index : index }

  func forward(
    _ parameters: UnsafePointer<Float>, _ input: UnsafePointer<Float>, _ output: UnsafeMutablePointer<Float>
  ) {
    let space = space(parameters)
    let width = shape.directions * shape.hidden
    for direction in 0..<shape.directions {
      let w = weights(space, direction)
      for sequence in 0..<shape.batch {
        for (index, step) in walk(w, input, sequence, reverse: direction == 1).enumerated() {
          let row = time(index, direction == 1) * shape.batch + sequence
          for (j, h) in step.h.enumerated() { output[row * width + direction * shape.hidden + j] = Float(h) }
        }
      }
    }
  }

  /// Overwrites `dInput` and `gradients`.
  func backward(
    _ parameters: UnsafePointer<Float>, _ input: UnsafePointer<Float>, dOutput: UnsafePointer<Float>,
    dInput: UnsafeMutablePointer<Float>, gradients: UnsafeMutablePointer<Float>
  ) {
    let space = space(parameters)
    let (width, units) = (shape.directions * shape.hidden, 0..<shape.hidden)
    var dSpace = [Float](repeating: 0, count: spaceCount)
    var dx = [Double](repeating: 0, count: shape.steps * shape.batch * shape.input)
    for direction in 0..<shape.directions {
      let w = weights(space, direction)
      var dw = Weights(
        matrices: w.matrices.map { $0.map { _ in 0 } }, biases: w.biases.map { $0.map { _ in 0 } })
      for sequence in 0..<shape.batch {
        let walked = walk(w, input, sequence, reverse: direction == 1)
        var dh = units.map { _ in 0.0 }
        var dc = dh
        for (index, (s, _)) in walked.enumerated().reversed() {
          let row = time(index, direction == 1) * shape.batch + sequence
          for j in units { dh[j] += Double(dOutput[row * width + direction * shape.hidden + j]) }
          let d = gateGradients(s, dh, &dc)
          dh = d.h
          for k in 0..<gates {
            add(d.own[k], s.x, w.matrices[k], to: &dw.matrices[k], &dw.biases[k]) {
              dx[row * shape.input + $0] += $1
            }
            add(
              d.recurrent[k], s.h, w.matrices[gates + k], to: &dw.matrices[gates + k], &dw.biases[gates + k]
            ) {
              dh[$0] += $1
            }
          }
        }
      }
      for matrix in 0..<2 * gates {
        let p = place(direction, matrix)
        for (i, value) in dw.matrices[matrix].enumerated() {
          dSpace[p.start + shape.hidden + i] = Float(value)
        }
        for (i, value) in dw.biases[matrix].enumerated() { dSpace[p.start + i] = Float(value) }
      }
    }
    for (i, value) in dx.enumerated() { dInput[i] = Float(value) }
    for piece in map.pieces {
      for i in 0..<piece.count { gradients[piece.own + i] = dSpace[piece.theirs + i] }
    }
  }

  /// Through one product: to its matrix, its bias, and what it multiplied.
  private func add(
    _ d: [Double], _ x: [Double], _ matrix: [Double], to dMatrix: inout [Double], _ dBias: inout [Double],
    _ give: (Int, Double) -> Void
  ) {
    for (row, value) in d.enumerated() {
      dBias[row] += value
      for (column, other) in x.enumerated() {
        dMatrix[row * x.count + column] += value * other
        give(column, value * matrix[row * x.count + column])
      }
    }
  }

  /// Gradients of the input's and the recurrent products, and what of dh goes on to the step before without a product.
  private func gateGradients(_ s: Step, _ dh: [Double], _ dc: inout [Double])
    -> (own: [[Double]], recurrent: [[Double]], h: [Double])
  {
    let units = 0..<shape.hidden
    let zeros = units.map { _ in 0.0 }
    switch shape.cell {
    case .tanh, .relu:
      let d = units.map { j -> Double in
        let y = s.gates[0][j]
        return dh[j] * (shape.cell == .tanh ? 1 - y * y : (y > 0 ? 1 : 0))
      }
      return ([d], [d], zeros)
    case .lstm:
      let (i, f, g, o) = (s.gates[0], s.gates[1], s.gates[2], s.gates[3])
      let t = s.cell.map { tanh($0) }
      for j in units { dc[j] += dh[j] * o[j] * (1 - t[j] * t[j]) }
      let d = [
        units.map { dc[$0] * g[$0] * i[$0] * (1 - i[$0]) },
        units.map { dc[$0] * s.c[$0] * f[$0] * (1 - f[$0]) },
        units.map { dc[$0] * i[$0] * (1 - g[$0] * g[$0]) },
        units.map { dh[$0] * t[$0] * o[$0] * (1 - o[$0]) },
      ]
      for j in units { dc[j] *= f[j] }
      return (d, d, zeros)
    case .gru:
      let (r, z, n) = (s.gates[0], s.gates[1], s.gates[2])
      let dn = units.map { dh[$0] * (1 - z[$0]) * (1 - n[$0] * n[$0]) }
      let dz = units.map { dh[$0] * (s.h[$0] - n[$0]) * z[$0] * (1 - z[$0]) }
      let dr = units.map { dn[$0] * s.product[$0] * r[$0] * (1 - r[$0]) }
      return ([dr, dz, dn], [dr, dz, units.map { dn[$0] * r[$0] }], units.map { dh[$0] * z[$0] })
    }
  }
}
