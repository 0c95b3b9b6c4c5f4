#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

extension CellDescription {
  /// c' = f·c + i·g, h' = o·tanh(c'): `torch.nn.LSTM` (Hochreiter and Schmidhuber 1997; Gers et al. 2000).
  static let lstm = CellDescription(
    name: "LSTM", gates: [.sigmoid("i"), .sigmoid("f"), .tanh("g"), .sigmoid("o")], hasCellState: true,
    forgetGate: 1, takesProjection: true,
    onnx: ONNX(operatorName: "LSTM", gateOrder: [0, 3, 1, 2]),
    equations: Equations(
      update: { gates, c in gates[1] * c + gates[0] * gates[2] },
      updateBack: { gates, c, d in ([d * gates[2], d * c, d * gates[0], 0], d * gates[1]) },
      output: { gates, c in gates[3] * tanh(c) },
      outputBack: { gates, c, d in
        ([0, 0, 0, d * tanh(c)], d * gates[3] * (1 - tanh(c) * tanh(c)))
      }),
    kernels: FusedKernels(
      forward: { f, layer, _ in f.lstm_forward(layer) },
      backward: { f, layer, _ in f.lstm_backward(layer) }))
}

extension CellDescription {
  /// i and f see the c before by p_i·c and p_f·c, o the new one by p_o·c' (Gers and Schmidhuber 2000, Graves 2013).
  static let lstmWithPeepholes: CellDescription = {
    var cell = lstm
    cell.peepholes = Peepholes(before: [0, 1], after: [3])
    cell.onnx.peepholeOrder = [0, 2, 1]
    return cell
  }()
}
