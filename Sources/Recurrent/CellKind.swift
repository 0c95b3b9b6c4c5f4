import Kernels

/// How a cell's gates are stored between forward and backward.
///
/// A row holds `slots` blocks of padded units. LSTM: i f g o. GRU: n r z m, where m is the recurrent part of the new gate, so that
/// the input product writes n r z and the recurrent product r z m, each one contiguous run. RNN: one block.
struct CellKind {
  let cell: Architecture.Cell
  let relu: Bool

  init(_ architecture: Architecture) {
    cell = architecture.cell
    relu = architecture.nonlinearity == .relu
  }

  var gates: Int { cell.gateCount }
  /// Blocks stored for each unit.
  var slots: Int { cell == .rnn ? 1 : 4 }
  /// PyTorch's gate for each block the input product writes.
  var inputOrder: [Int] { cell == .gru ? [2, 0, 1] : Array(0..<gates) }
  /// PyTorch's gate for each block the recurrent product saw.
  var recurrentOrder: [Int] { Array(0..<gates) }
  /// The first block the recurrent product saw.
  var recurrentSlot: Int { cell == .gru ? 1 : 0 }
  var hasCellState: Bool { cell == .lstm }
}
