import Kernels

extension ParameterLayout {
  /// Fills the flat buffer with the bits `torch.manual_seed(seed)` and building the same modules would leave in them:
  /// embedding, recurrent module, then the head's linear layers in order; a tied one draws a weight that nobody keeps.
  /// With `initRange` each parameter is then drawn anew, as by `uniform_(-range, range)`.
  public func initialize(
    _ parameters: UnsafeMutableBufferPointer<Float>, architecture: Architecture, seed: UInt64
  ) {
    precondition(parameters.count == count, "the buffer does not fit the layout")
    var generator = TorchGenerator(seed: seed)
    var fanIn = 0
    for entry in entries {
      let tensor = UnsafeMutableBufferPointer(rebasing: parameters[entry.range])
      if entry.name.hasSuffix("embedding.weight") {
        generator.normal(tensor)
        continue
      }
      if entry.shape.count == 2 { fanIn = entry.shape[1] }
      if entry.name == "fc.bias", let width = architecture.tiedWidth {
        generator.skip(architecture.outputSize * width)
        fanIn = width
      }
      let bound =
        if entry.name.hasPrefix("rnn.") {
          recurrentBound(architecture.hiddenSize)
        } else if entry.name.hasPrefix("decoder.") {
          recurrentBound(architecture.outputWidth)
        } else if entry.shape.count == 2 {
          linearWeightBound(fanIn)
        } else {
          1 / Double(fanIn).squareRoot()
        }
      generator.uniform(tensor, from: Float(-bound), to: Float(bound))
    }
    guard let range = architecture.initRange else { return }
    if self["fc.bias"] == nil, let width = architecture.tiedWidth {
      generator.skip(architecture.outputSize * width)
    }
    for entry in entries {
      generator.uniform(
        UnsafeMutableBufferPointer(rebasing: parameters[entry.range]), from: -range, to: range)
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

extension Architecture {
  /// The inputs of a last linear layer that has the embedding's weight.
  fileprivate var tiedWidth: Int? { embedding.flatMap { $0.isTied ? $0.width : nil } }
}
