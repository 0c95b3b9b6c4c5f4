import Recurrent

/// Sizes of a layer in both directions, over equally long sequences.
public struct RecurrentShape: Sendable, Hashable {
  public enum RNNMode: Sendable, Hashable {
    case relu, tanh, lstm, gru
    package var cell: Network.Cell {
      switch self {
      case .relu, .tanh: .rnn
      case .lstm: .lstm
      case .gru: .gru
      }
    }
    package var gates: Int { cell.gateCount }
  }
  public let cell: RNNMode
  /// T, B, F, H, and 1 or 2.
  public let steps, batch, input, hidden, directions: Int
  public let hasBias: Bool

  public init(
    cell: RNNMode, steps: Int, batch: Int, input: Int, hidden: Int, directions: Int, hasBias: Bool
  ) {
    self.cell = cell
    (self.steps, self.batch, self.input) = (steps, batch, input)
    (self.hidden, self.directions, self.hasBias) = (hidden, directions, hasBias)
  }

  /// Parameters of one direction: weight_ih, weight_hh, bias_ih, bias_hh, as they lie side by side.
  package var directionCount: Int { cell.gates * hidden * (input + hidden + (hasBias ? 2 : 0)) }
  package var parameterCount: Int { directions * directionCount }
}
