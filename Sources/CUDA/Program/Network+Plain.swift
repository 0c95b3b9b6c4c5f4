import Diagnostics
import Recurrent

extension StepPlan {
  /// Throws where something is set that programs can't compute.
  package func requireProgram() throws(Failure) {
    try network.requireProgram()
    guard loss.hasProgram else {
      throw .badData("this loss is computed on the processor only; use --device cpu")
    }
  }
}

extension Loss {
  /// Whether a GPU's program computes it.
  package var hasProgram: Bool {
    switch self {
    case .mse, .mae, .huber, .bceWithLogits, .crossEntropy: true
    case .quantile, .gaussianNLL, .studentT, .poisson, .negativeBinomial: false
    }
  }
}

extension Network {
  /// Throws where something is set that programs can't compute.
  package func requireProgram() throws(Failure) {
    guard decoder == nil else {
      throw .badData("an encoder-decoder is computed on the processor only; use --device cpu")
    }
    guard categories.isEmpty else {
      throw .badData(
        "vectors of categorical columns are computed on the processor only; use --device cpu")
    }
    if let key = cellKeyWithoutProgram {
      throw .badData("\(key) is computed on the processor only; use --device cpu")
    }
    // Lists of layers lie within one another, and who goes through them does so on a stack that has an end.
    guard layers <= Self.mostProgramLayers else {
      throw .badData(
        "model.num_layers: a GPU's program has at most \(Self.mostProgramLayers) layers, not \(layers); use --device cpu"
      )
    }
  }

  /// The key of a cell that no kernel computes; nil for PyTorch's own.
  package var cellKeyWithoutProgram: String? {
    if cell != .none, cell.kernelCell == nil { return "model.cell: \(cell.rawValue)" }
    if peepholes { return "model.peepholes" }
    return resetAfter ? nil : "model.reset_after: false"
  }

  private static let mostProgramLayers = 1000

  /// Whether nothing is set beyond cells, sizes, directions, dropout and readouts; options that come later count as unknown.
  var isPlain: Bool {
    var plain = Network(
      cell, inputs: inputSize, hidden: hiddenSize, steps: steps, head: head)
    plain.nonlinearity = nonlinearity
    plain.layers = layers
    plain.bidirectional = bidirectional
    plain.bias = bias
    plain.dropout = dropout
    plain.readout = readout
    // How parameters start makes no difference.
    plain.initRange = initRange
    plain.initialization = initialization
    return self == plain
  }
}

extension Network.Cell {
  /// In front of the names of its kernels; nil where it has none.
  var kernelCell: StepProgram.Call.KernelCell? {
    switch self {
    case .lstm: .lstm
    case .gru: .gru
    case .rnn: .rnn
    case .none: nil
    }
  }
}
