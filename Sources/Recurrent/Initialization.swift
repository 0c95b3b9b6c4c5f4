import Kernels

extension ParameterLayout {
  /// Fills the flat buffer with the bits `torch.manual_seed(seed)` and building the same modules would leave in them:
  /// embeddings, recurrent module, then the head's linear layers in order; a tied one draws a weight that nobody keeps.
  /// With `initRange` each parameter is then drawn anew, as by `uniform_(-range, range)`.
  ///
  /// The first row of a categorical column's table, what training does not see, is zero: that of `Embedding(padding_idx=0)`. It has
  /// no gradient and stays so, near the mean of the others, which are drawn around zero.
  package func initialize(
    _ parameters: UnsafeMutableBufferPointer<Float>, network: Network, seed: UInt64
  ) {
    precondition(parameters.count == count, "the buffer does not fit the layout")
    var generator = TorchGenerator(seed: seed)
    var fanIn = 0
    for entry in entries where !setConstant(entry, parameters) {
      let tensor = UnsafeMutableBufferPointer(rebasing: parameters[entry.range])
      if entry.name.hasSuffix("embedding.weight") || isCategory(entry) {
        generator.normal(tensor)
        continue
      }
      if entry.shape.count == 2 { fanIn = entry.shape[1] }
      if entry.name == "fc.bias", let width = network.tiedWidth {
        generator.skip(network.outputSize * width)
        fanIn = width
      }
      let bound =
        if entry.name.hasPrefix("rnn.") || entry.name.hasPrefix("decoder.") {
          recurrentBound(hiddenSize(entry, network.cell))
        } else if entry.shape.count == 2 {
          linearWeightBound(fanIn)
        } else {
          1 / Double(fanIn).squareRoot()
        }
      generator.uniform(tensor, from: Float(-bound), to: Float(bound))
    }
    drawAnew(parameters, network, &generator)
    for entry in entries where isCategory(entry) {
      parameters[entry.range].prefix(entry.shape[1]).update(repeating: 0)
    }
    apply(network.initialization, to: parameters, CellDescription(network.cell), &generator)
  }

  /// With `initRange`, all but what is constant.
  private func drawAnew(
    _ parameters: UnsafeMutableBufferPointer<Float>, _ network: Network,
    _ generator: inout TorchGenerator
  ) {
    guard let range = network.initRange else { return }
    if self["fc.bias"] == nil, let width = network.tiedWidth {
      generator.skip(network.outputSize * width)
    }
    for entry in entries where !isConstant(entry) {
      generator.uniform(
        UnsafeMutableBufferPointer(rebasing: parameters[entry.range]), from: -range, to: range)
    }
  }

  /// The same for linear layers of a program's own: parameters with the bits that `torch.manual_seed(seed)` and an `nn.Linear` for each
  /// `NAME.weight` and `NAME.bias` would have.
  public func initialized(seed: UInt64) -> [Float] {
    var parameters = [Float](repeating: 0, count: count)
    parameters.withUnsafeMutableBufferPointer {
      initialize($0, network: Network(.none, head: []), seed: seed)
    }
    return parameters
  }

  /// Layer norm starts as the identity, peepholes and a learned state as zero: nothing is drawn for them.
  private func setConstant(_ entry: Entry, _ parameters: UnsafeMutableBufferPointer<Float>) -> Bool {
    guard isConstant(entry) else { return false }
    parameters[entry.range].update(repeating: entry.name.hasSuffix(".weight") ? 1 : 0)
    return true
  }
  private func isConstant(_ entry: Entry) -> Bool {
    ["rnn.norm_", "rnn.peephole_", "rnn.h0_", "rnn.c0_"].contains { entry.name.hasPrefix($0) }
  }

  private func isCategory(_ entry: Entry) -> Bool { entry.name.hasPrefix("category_embeddings.") }

  /// H of the layer that a recurrent parameter belongs to.
  private func hiddenSize(_ entry: Entry, _ cell: Network.Cell) -> Int {
    entry.name.hasPrefix("rnn.weight_hr") ? entry.shape[1] : entry.shape[0] / cell.gateCount
  }

  /// Changes the first parameters, drawing on where the modules' own drawing ended.
  private func apply(
    _ changes: Network.Initialization, to parameters: UnsafeMutableBufferPointer<Float>,
    _ cell: CellDescription, _ generator: inout TorchGenerator
  ) {
    func tensors(_ prefix: String, suffix: String = "") -> [(
      tensor: UnsafeMutableBufferPointer<Float>, shape: [Int]
    )] {
      entries.filter { $0.name.hasPrefix(prefix) && (suffix.isEmpty || $0.name.hasSuffix(suffix)) }
        .map { (UnsafeMutableBufferPointer(rebasing: parameters[$0.range]), $0.shape) }
    }
    let gates = cell.gates.count
    if changes.orthogonal {
      for (tensor, shape) in tensors("rnn.weight_hh") {
        let block = tensor.count / gates
        for gate in 0..<gates {
          generator.orthogonal(
            UnsafeMutableBufferPointer(rebasing: tensor[gate * block..<(gate + 1) * block]), columns: shape[1]
          )
        }
      }
    }
    if let bias = changes.forgetBias, let gate = cell.forgetGate {
      let biases = [("rnn.bias_ih", bias), ("rnn.bias_hh", 0), ("rnn.norm_ih", bias), ("rnn.norm_hh", 0)]
      for (name, value) in biases {
        for (tensor, shape) in tensors(name, suffix: name.contains("norm") ? ".bias" : "") {
          let block = shape[0] / gates
          tensor[gate * block..<(gate + 1) * block].update(repeating: value)
        }
      }
    }
  }

  /// Bound of all weights and biases of `nn.RNN`, `nn.LSTM` and `nn.GRU`.
  private func recurrentBound(_ hiddenSize: Int) -> Double { 1 / Double(hiddenSize).squareRoot() }

  /// Bound of `nn.Linear`'s weight: `kaiming_uniform_(a=sqrt(5))`, which is 1/√fan_in but for rounding, so the steps are kept.
  private func linearWeightBound(_ fanIn: Int) -> Double {
    let slope = 5.0.squareRoot()
    let gain = (2 / (1 + slope * slope)).squareRoot()
    return 3.0.squareRoot() * (gain / Double(fanIn).squareRoot())
  }
}

extension Network {
  /// The inputs of a last linear layer that has the embedding's weight.
  fileprivate var tiedWidth: Int? { embedding.flatMap { $0.isTied ? $0.width : nil } }
}
