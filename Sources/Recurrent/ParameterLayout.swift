/// Where each parameter lies in the flat buffer: an ordered list of (PyTorch name, shape, range).
///
/// Parameters, gradients and the optimizer's moments are buffers of one layout, so that reduction, clipping, the optimizer,
/// broadcast, hashing and checkpoints each see one span.
public struct ParameterLayout: Sendable, Equatable {
  public struct Entry: Sendable, Equatable {
    /// The key in PyTorch's `state_dict`, for example `rnn.weight_ih_l0_reverse`.
    public let name: String
    /// C order.
    public let shape: [Int]
    /// Its elements in the flat buffer.
    public let range: Range<Int>
  }

  public private(set) var entries: [Entry] = []
  /// Elements of the whole buffer.
  public var count: Int { entries.last?.range.upperBound ?? 0 }

  public init() {}

  /// Appends a parameter and returns its range.
  @discardableResult
  public mutating func add(_ name: String, _ shape: [Int]) -> Range<Int> {
    let start = count
    let range = start..<start + shape.reduce(1, *)
    entries.append(Entry(name: name, shape: shape, range: range))
    return range
  }

  public subscript(name: String) -> Entry? { entries.first { $0.name == name } }

  /// The layout of a network, in PyTorch's module order: embedding, recurrent layers, of a decoder the same and its
  /// attention, then the head's linear layers.
  ///
  /// Linear layers are named `fc` (the only one, or the last), else `fc0`, `fc1`, … in order before it. A tied one has no weight of
  /// its own.
  public init(_ a: Architecture) {
    if let embedding = a.embedding { add("embedding.weight", [embedding.vocabulary, embedding.width]) }
    addRecurrent(a, "rnn")
    if let decoder = a.decoder {
      add("decoder_embedding.weight", [decoder.vocabulary, decoder.embedding])
      addRecurrent(a.decoderNetwork, "decoder")
      if decoder.attention == .general { add("attention.weight", [a.outputWidth, a.outputWidth]) }
      if decoder.attention != .none { add("combine.weight", [a.outputWidth, 2 * a.outputWidth]) }
    }
    let linears = a.linearWidths
    for (index, linear) in linears.enumerated() {
      let name = Self.linearName(index, of: linears.count)
      let isTied = a.embedding?.isTied == true && index == linears.count - 1
      if !isTied { add("\(name).weight", [linear.outputs, linear.inputs]) }
      if linear.hasBias { add("\(name).bias", [linear.outputs]) }
    }
  }

  private mutating func addRecurrent(_ a: Architecture, _ prefix: String) {
    guard a.cell != .none else { return }
    let rows = a.cell.gateCount * a.hiddenSize
    for layer in 0..<a.layers {
      let input = layer == 0 ? a.inputWidth : a.directions * a.hiddenSize
      for suffix in ["", "_reverse"].prefix(a.directions) {
        add("\(prefix).weight_ih_l\(layer)\(suffix)", [rows, input])
        add("\(prefix).weight_hh_l\(layer)\(suffix)", [rows, a.hiddenSize])
        if a.bias {
          add("\(prefix).bias_ih_l\(layer)\(suffix)", [rows])
          add("\(prefix).bias_hh_l\(layer)\(suffix)", [rows])
        }
      }
    }
  }

  static func linearName(_ index: Int, of count: Int) -> String { index == count - 1 ? "fc" : "fc\(index)" }
}

extension Architecture.Cell {
  /// Blocks of H rows in a weight matrix: 4 for LSTM (i, f, g, o), 3 for GRU (r, z, n), 1 for RNN.
  public var gateCount: Int {
    switch self {
    case .rnn: 1
    case .lstm: 4
    case .gru: 3
    case .none: 0
    }
  }
}
