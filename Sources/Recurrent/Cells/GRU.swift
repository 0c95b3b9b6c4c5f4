extension CellDescription {
  /// n = tanh(a + r·b), h' = (1 - z)·n + z·h: `torch.nn.GRU`, the reset gate after the recurrent product.
  static let gru = CellDescription(
    name: "GRU", gates: [.sigmoid("r"), .sigmoid("z"), .tanh("n")],
    gatedProduct: GatedProduct(gate: 2, factor: 0),
    onnx: ONNX(operatorName: "GRU", gateOrder: [1, 0, 2], linearBeforeReset: true),
    equations: Equations(
      update: { gates, h in (1 - gates[1]) * gates[2] + gates[1] * h },
      updateBack: { gates, h, d in
        ([0, d * (h - gates[2]), d * (1 - gates[1])], d * gates[1])
      }),
    kernels: FusedKernels(
      forward: { f, layer, _ in f.gru_forward(layer) },
      backward: { f, layer, _ in f.gru_backward(layer) }))
}

extension CellDescription {
  /// n = tanh(W_in·x + b_in + W_hn·(r·h) + b_hn): the reset gate in front of the recurrent product, as in Cho et al. 2014 and in
  /// Keras' `GRU(reset_after=False)`.
  static let gruWithResetBefore: CellDescription = {
    var cell = gru
    cell.gatedProduct = nil
    cell.gatedState = GatedState(gate: 2, factor: 0)
    cell.onnx.linearBeforeReset = false
    return cell
  }()
}
