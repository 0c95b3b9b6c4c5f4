extension CellDescription {
  /// h' = tanh(a + b), or relu: `torch.nn.RNN` (Elman 1990).
  static let rnn = CellDescription(
    name: "RNN", gates: [Gate(name: "h", activation: .nonlinearity)], outputIsGate: true,
    onnx: ONNX(operatorName: "RNN", gateOrder: [0]),
    equations: Equations(
      update: { gates, _ in gates[0] },
      updateBack: { _, _, d in ([d], 0) }),
    kernels: FusedKernels(
      forward: { $0.rnn_forward($1, $2 ? 1 : 0) },
      backward: { $0.rnn_backward($1, $2 ? 1 : 0) }))
}
