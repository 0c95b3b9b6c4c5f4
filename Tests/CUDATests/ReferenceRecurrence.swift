import CUDA
import Recurrent

/// A recurrent layer in plain loops and double precision, its weights laid out in an order of its own: what a library does in place
/// of the kernels, to see that programs and weight maps ask the right thing of it.
struct ReferenceRecurrence {
  let shape: RecurrentShape
  private let map: WeightMap
  private let spaceCount: Int
  private let cell: CellDescription
  private var gates: Int { shape.cell.gates }
  private var nonlinearity: Network.Nonlinearity { shape.cell == .relu ? .relu : .tanh }

  init(_ shape: RecurrentShape) {
    self.shape = shape
    cell = CellDescription(shape.cell.cell)
    let largest = shape.hidden * max(shape.input, shape.hidden) + shape.hidden + 3
    spaceCount = 2 * shape.directions * shape.cell.gates * largest
    // Matrices from the last to the first, with gaps, each after its bias.
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
    var x, h: [Double]
    var units: [CellDescription.UnitStep]
    /// c where there is one, else h.
    var state: [Double] { units.map(\.state) }
  }

  private func times(_ matrix: [Double], _ x: [Double]) -> [Double] {
    (0..<shape.hidden).map { row in
      x.indices.reduce(0) { $0 + matrix[row * x.count + $1] * x[$1] }
    }
  }

  private func step(_ w: Weights, _ x: [Double], _ h: [Double], _ state: [Double]) -> Step {
    let own = (0..<gates).map { k in zip(times(w.matrices[k], x), w.biases[k]).map(+) }
    let rec = (0..<gates).map { k in zip(times(w.matrices[gates + k], h), w.biases[gates + k]).map(+) }
    let units = (0..<shape.hidden).map { j in
      cell.step(own.map { $0[j] }, rec.map { $0[j] }, before: state[j], nonlinearity)
    }
    return Step(x: x, h: h, units: units)
  }

  /// All steps of one sequence in one direction, in the order they are computed.
  private func walk(
    _ w: Weights, _ input: UnsafePointer<Float>, _ sequence: Int, reverse: Bool
  ) -> [Step] {
    var h = [Double](repeating: 0, count: shape.hidden)
    var state = h
    return (0..<shape.steps).map { index in
      let row = time(index, reverse) * shape.batch + sequence
      let x = (0..<shape.input).map { Double(input[row * shape.input + $0]) }
      let result = step(w, x, h, state)
      (h, state) = (result.units.map(\.hidden), result.state)
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
          for (j, unit) in step.units.enumerated() {
            output[row * width + direction * shape.hidden + j] = Float(unit.hidden)
          }
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
        for (index, s) in walked.enumerated().reversed() {
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
    let d = s.units.indices.map { cell.stepBack(s.units[$0], dHidden: dh[$0], dState: dc[$0], nonlinearity) }
    let before = d.map(\.before)
    let zeros = before.map { _ in 0.0 }
    dc = cell.hasCellState ? before : zeros
    return (
      (0..<gates).map { k in d.map { $0.input[k] } }, (0..<gates).map { k in d.map { $0.recurrent[k] } },
      cell.hasCellState ? zeros : before
    )
  }
}
