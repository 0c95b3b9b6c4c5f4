/// What a recurrent cell is made of. Each is written down once, in a file of its own (`RNN`, `LSTM`, `GRU`); the layout of
/// parameters, the engines of processor and device, recipes, summaries, exporters and tests read it here.
///
/// With the products a = W_ih·x + b_ih and b = W_hh·h + b_hh, `[G·H]` each, a unit's gates are activations of a + b, and its new
/// states are functions of its gates and of its states before (`Equations`).
public struct CellDescription: Sendable {
  /// A block of H rows of weight_ih and weight_hh.
  public struct Gate: Sendable, Equatable {
    public enum Activation: Sendable { case sigmoid, tanh, nonlinearity }
    /// Its letter in PyTorch's documentation.
    public let name: String
    /// `nonlinearity` is the network's choice.
    public let activation: Activation

    static func sigmoid(_ name: String) -> Gate { Gate(name: name, activation: .sigmoid) }
    static func tanh(_ name: String) -> Gate { Gate(name: name, activation: .tanh) }
  }

  /// A gate whose recurrent product another gate multiplies before it is added to the input's: a + r·b.
  ///
  /// The two biases of such a gate are never merged, and with layer norm it is normalized by itself.
  public struct GatedProduct: Sendable, Equatable {
    public let gate: Int
    /// The gate that multiplies; it comes before `gate`.
    public let factor: Int
  }

  /// A gate whose recurrent product reads h multiplied by another gate: W·(r·h), where a gated product is r·(W·h).
  public struct GatedState: Sendable, Equatable {
    /// The last one.
    public let gate: Int
    /// The gate that multiplies; it comes before `gate`.
    public let factor: Int
  }

  /// Gates that see c by a weight for each unit, which is added to their sums (Gers and Schmidhuber 2000).
  public struct Peepholes: Sendable, Equatable {
    /// Those that see the c before, and those that see the new one: the parameter's blocks, in this order.
    public let before, after: [Int]
    public var count: Int { before.count + after.count }
  }

  /// The class in `torch.nn`.
  public let name: String
  /// In PyTorch's order.
  public let gates: [Gate]
  /// Whether c is carried beside h.
  public var hasCellState = false
  public var gatedProduct: GatedProduct?
  public var gatedState: GatedState?
  public var peepholes: Peepholes?
  /// The gate that `init.forget_bias` is for.
  public var forgetGate: Int?
  /// Whether PyTorch's module has `proj_size`.
  public var takesProjection = false
  /// Whether h is the one gate itself, kept nowhere else for backward.
  public var outputIsGate = false
  public var onnx: ONNX
  package let equations: Equations
  /// The fused time loops; nil for a cell that is computed a step at a time.
  var kernels: FusedKernels?

  /// The operator in ONNX.
  public struct ONNX: Sendable, Equatable {
    public let operatorName: String
    /// PyTorch's gate for each block of the operator's W, R and B.
    public let gateOrder: [Int]
    /// The operator's attribute `linear_before_reset`: whether the reset gate multiplies the recurrent product, as in PyTorch.
    public var linearBeforeReset = false
    /// The block of the peepholes' parameter for each block of the operator's P.
    public var peepholeOrder: [Int] = []
  }
}

// MARK: What follows

extension CellDescription {
  /// Whether the network's `nonlinearity` has a meaning.
  public var takesNonlinearity: Bool { gates.contains { $0.activation == .nonlinearity } }

  /// The gates that layer norm normalizes together (Ba et al. 2016).
  package var normGroups: [Range<Int>] {
    guard let gatedProduct else { return [0..<gates.count] }
    return [0..<gatedProduct.gate, gatedProduct.gate..<gates.count]
  }

  /// Values that the fused time loop of the processor stores for each unit: its gates and what a gated product gave.
  ///
  /// The gate with the gated product comes first and that product last, so that what the input product writes, and what the
  /// recurrent product writes, is one contiguous run each: of GRU n r z m, from n and from r.
  var slots: Int { gates.count + (gatedProduct == nil ? 0 : 1) }
  /// PyTorch's gate for each slot that the input product writes, from the first.
  var inputOrder: [Int] {
    guard let gatedProduct else { return Array(gates.indices) }
    return [gatedProduct.gate] + gates.indices.filter { $0 != gatedProduct.gate }
  }
  /// PyTorch's gate for each slot that the recurrent product writes, from `recurrentSlot`.
  var recurrentOrder: [Int] { Array(gates.indices) }
  var recurrentSlot: Int { gatedProduct == nil ? 0 : 1 }
}

// MARK: From an network

extension CellDescription {
  public init(_ cell: Network.Cell) {
    switch cell {
    case .rnn: self = .rnn
    case .lstm: self = .lstm
    case .gru: self = .gru
    case .none: self = .none
    }
  }

  /// The network's cell with what it says about it.
  public init(_ a: Network) {
    switch a.cell {
    case .lstm where a.peepholes: self = .lstmWithPeepholes
    case .gru where !a.resetAfter: self = .gruWithResetBefore
    case .rnn, .lstm, .gru, .none: self.init(a.cell)
    }
  }

  /// Of a network without recurrent part: nothing of anything.
  static let none = CellDescription(
    name: "", gates: [], onnx: ONNX(operatorName: "", gateOrder: []),
    equations: Equations(update: { _, before in before }, updateBack: { _, _, d in ([], d) }))
}

extension Network.Cell {
  /// Blocks of H rows in a weight matrix: 4 for LSTM (i, f, g, o), 3 for GRU (r, z, n), 1 for RNN.
  public var gateCount: Int { CellDescription(self).gates.count }
  /// Whether c is carried beside h: LSTM.
  public var hasCellState: Bool { CellDescription(self).hasCellState }

  /// The cells that carry states from step to step.
  public static let recurrent: [Self] = allCases.filter { $0 != .none }

  /// Recipes' words for those of which this is true: "lstm".
  public static func words(where isTrue: (CellDescription) -> Bool) -> String {
    recurrent.filter { isTrue(CellDescription($0)) }.map(\.rawValue).joined(separator: " or ")
  }
}
