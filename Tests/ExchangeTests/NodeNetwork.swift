import Batches
import Kernels
import Recurrent

/// The library's network of a recurrent node: its weights in this library's layout, and the outputs in the operator's.
struct NodeNetwork {
  let network: Network
  private let vector: NodeVector
  private let cell: CellDescription
  private let isBatchFirst, isReverse: Bool
  /// T, B and I of X.
  private let steps, batch, inputs: Int

  /// nil where the node has something that the library has not.
  init?(_ vector: NodeVector) {
    guard vector.others.isEmpty,
      let kind = Network.Cell.recurrent.first(where: {
        CellDescription($0).onnx.operatorName == vector.operatorName
      }), let hidden = vector.integers["hidden_size"], let x = vector.input(0)
    else { return nil }
    self.vector = vector
    let direction = vector.texts["direction"] ?? "forward"
    (isBatchFirst, isReverse) = (vector.integers["layout"] == 1, direction == "reverse")
    (steps, batch, inputs) =
      isBatchFirst ? (x.shape[1], x.shape[0], x.shape[2]) : (x.shape[0], x.shape[1], x.shape[2])
    var network = Network(kind, inputs: inputs, hidden: hidden, steps: steps, head: [])
    network.readout = .everyStep
    network.bidirectional = direction == "bidirectional"
    if kind == .gru { network.resetAfter = vector.integers["linear_before_reset"] == 1 }
    network.peepholes = vector.input(7) != nil
    self.network = network
    cell = CellDescription(network)
  }

  /// The operator's Y `[T, D, B, H]`, Y_h and Y_c `[D, B, H]` as the library gives them.
  func run(_ kernels: KernelSet, change: (inout Network) -> Void = { _ in }) throws -> [[Float]] {
    var network = network
    change(&network)
    let model = try Model(network, seed: 1, kernels: kernels)
    fill(model)
    let lengths = vector.input(4).map { $0.values.map(Int.init) } ?? [Int](repeating: steps, count: batch)
    precondition(lengths.allSatisfy { $0 == steps }, "states are given in the order of the batch")
    let x = isBatchFirst ? vector.input(0)! : vector.input(0)!.swapped()
    let samples = (0..<batch).map {
      turned(Array(x.values[$0 * steps * inputs..<($0 + 1) * steps * inputs]), inputs)
    }
    let made = try Batch(samples, features: inputs)
    let outputs = Array(model.forward(made, mode: .evaluation, initialState: initialState))
    let final = model.finalState!
    return [inOrder(outputs), final.hidden, final.cell]
  }

  private var initialState: RecurrentState? {
    guard let hidden = vector.input(5) else { return nil }
    func dense(_ tensor: NodeVector.Tensor?) -> [Float] {
      tensor.map { isBatchFirst ? $0.swapped().values : $0.values } ?? []
    }
    return RecurrentState(hidden: dense(hidden), cell: dense(vector.input(6)))
  }

  /// Rows of a sample from the last to the first, where the node reads them so.
  private func turned(_ rows: [Float], _ width: Int) -> [Float] {
    guard isReverse else { return rows }
    return stride(from: rows.count - width, through: 0, by: -width).flatMap { rows[$0..<$0 + width] }
  }

  /// `[T, B, D·H]` as `[T, D, B, H]`.
  private func inOrder(_ outputs: [Float]) -> [Float] {
    let (directions, hidden) = (network.directions, network.hiddenSize)
    var ordered: [Float] = []
    for step in 0..<steps {
      let time = isReverse ? steps - 1 - step : step
      for direction in 0..<directions {
        for b in 0..<batch {
          let at = ((time * batch + b) * directions + direction) * hidden
          ordered += outputs[at..<at + hidden]
        }
      }
    }
    return ordered
  }

  // MARK: Weights

  private func fill(_ model: Model) {
    for direction in 0..<network.directions {
      func set(_ name: String, _ values: [Float]) {
        let entry = model.layout["rnn.\(name)_l0\(direction == 1 ? "_reverse" : "")"]!
        for (index, value) in zip(entry.range, values) { model.parameters[index] = value }
      }
      let order = cell.onnx.gateOrder
      set("weight_ih", ordered(part(1, direction), order))
      set("weight_hh", ordered(part(2, direction), order))
      let rows = order.count * network.hiddenSize
      let biases = vector.input(3) == nil ? [Float](repeating: 0, count: 2 * rows) : part(3, direction)
      set("bias_ih", ordered(Array(biases[..<rows]), order))
      set("bias_hh", ordered(Array(biases[rows...]), order))
      if network.peepholes, model.network.peepholes {
        set("peephole", ordered(part(7, direction), cell.onnx.peepholeOrder))
      }
    }
    model.parametersChanged()
  }

  /// A direction's part of one of the operator's inputs.
  private func part(_ place: Int, _ direction: Int) -> [Float] {
    let all = vector.input(place)!.values
    let count = all.count / network.directions
    return Array(all[direction * count..<(direction + 1) * count])
  }

  /// The operator's blocks in the library's order.
  private func ordered(_ blocks: [Float], _ order: [Int]) -> [Float] {
    let size = blocks.count / order.count
    return order.indices.flatMap { own -> ArraySlice<Float> in
      let from = order.firstIndex(of: own)!
      return blocks[from * size..<(from + 1) * size]
    }
  }

  /// The operator's outputs in the order that `run` gives them.
  var expected: [[Float]?] {
    (0..<3).map { place in
      guard let tensor = vector.output(place) else { return nil }
      guard isBatchFirst else { return tensor.values }
      // Y is `[B, T, D, H]`, states `[B, D, H]`.
      return place == 0 ? timeMajor(tensor.values) : tensor.swapped().values
    }
  }

  /// `[B, T, D, H]` as `[T, D, B, H]`.
  private func timeMajor(_ values: [Float]) -> [Float] {
    let (hidden, directions) = (network.hiddenSize, network.directions)
    var ordered: [Float] = []
    for step in 0..<steps {
      for direction in 0..<directions {
        for b in 0..<batch {
          let at = ((b * steps + step) * directions + direction) * hidden
          ordered += values[at..<at + hidden]
        }
      }
    }
    return ordered
  }
}
