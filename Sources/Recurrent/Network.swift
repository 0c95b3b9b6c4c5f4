import Diagnostics

/// What a network is made of, independent of its parameters: cell, sizes, readout, head.
///
/// The vocabulary is PyTorch's `torch.nn.RNN`, `LSTM`, `GRU` and `Linear`. A `Model` is a network with parameters.
public struct Network: Sendable, Equatable, Codable {
  public enum Cell: String, Sendable, CaseIterable, Codable {
    case rnn, lstm, gru
    /// No recurrent part: the head sees the `T × F` inputs of a sample as one vector.
    case none
  }
  public enum Nonlinearity: String, Sendable, CaseIterable, Codable { case tanh, relu }
  /// What the head reads.
  public enum Readout: String, Sendable, CaseIterable, Codable {
    /// The last time step of the output, `output[:, -1]`: `[B, D·H]`.
    case lastStep = "last_step"
    /// `h_n` of the last layer, both directions: `[B, D·H]`. The backward half has seen the whole sequence.
    case finalState = "final_state"
    /// All outputs flattened, `output.reshape(B, -1)`: `[B, T·D·H]`.
    case allSteps = "all_steps"
    /// The head at each step (many-to-many): `[T·B, D·H]`, time-major.
    case everyStep = "every_step"
  }
  public enum HeadLayer: Sendable, Equatable, Codable {
    case linear(Int, bias: Bool = true)
    case relu, tanh, sigmoid
    case dropout(Float)
  }

  /// What is changed about the first parameters, after `initRange`.
  public struct Initialization: Sendable, Equatable, Codable {
    /// Each gate's recurrent weights orthogonal, `torch.nn.init.orthogonal_` gate by gate.
    public var orthogonal: Bool = false
    /// LSTM: the bias of the forget gate, all of it in bias_ih (Jozefowicz et al. 2015 recommend 1).
    public var forgetBias: Float?
    public init() {}
  }

  /// Codes that become vectors: `torch.nn.Embedding`. Of tokens, or of a categorical column.
  public struct Embedding: Sendable, Equatable, Codable {
    public var vocabulary: Int
    public var width: Int
    /// Probability of dropping an element of a vector, `0..<1`.
    public var dropout: Float = 0
    /// Tokens: whether the last linear layer has the same weight.
    public var isTied = false
    public init(vocabulary: Int, width: Int) {
      self.vocabulary = vocabulary
      self.width = width
    }
  }

  public var cell: Cell
  public var nonlinearity: Nonlinearity = .tanh
  /// Numbers per step; not used with an embedding.
  public var inputSize: Int
  public var embedding: Embedding?
  /// Categorical columns beside the numbers, each a table of vectors; code 0 of each is what training did not see.
  public var categories: [Embedding] = []
  /// Its layers are those of the encoder in number and kind, D·H wide. It needs `every_step`, and of tokens an embedding.
  public var decoder: Decoder?
  /// Where given, all parameters start uniform in ±this, not as PyTorch's modules start them.
  public var initRange: Float?
  public var hiddenSize: Int = 0
  public var layers: Int = 1
  public var bidirectional: Bool = false
  public var bias: Bool = true
  /// H of each layer where they differ; nil for `hiddenSize` in all.
  public var hiddenSizes: [Int]?
  /// Probability of dropping an output between recurrent layers, `0..<1`.
  public var dropout: Float = 0
  /// The same for the network's input.
  public var inputDropout: Float = 0
  /// Whether these two have one mask for all steps of a sample (Gal and Ghahramani 2016).
  public var lockedDropout: Bool = false
  /// Probability of dropping a unit of h on its way into the recurrent product, with one mask for all steps of a sample.
  public var recurrentDropout: Float = 0
  public var zoneout: Zoneout = Zoneout()
  /// LSTM: outputs of a layer and direction, h = W_hr·(o·tanh c) (PyTorch's `proj_size`); 0 for none.
  public var projectionSize: Int = 0
  /// Layer norm inside the cell (Ba et al. 2016, equations 20 to 25); its biases take the place of the layer's.
  ///
  /// LSTM: the gates are LN(W_ih·x) + LN(W_hh·h) over all 4·H, and h = o·tanh(LN(c)). GRU: r and z likewise over 2·H together,
  /// n = tanh(LN(W_in·x) + r·LN(W_hn·h)). RNN: h' = tanh(LN(W_ih·x) + LN(W_hh·h)).
  public var layerNorm: Bool = false
  /// GRU: whether the reset gate multiplies what the recurrent product gave, as in PyTorch, or h in front of it (Keras' `reset_after`).
  public var resetAfter: Bool = true
  /// LSTM: whether i, f and o see c by a weight for each unit (Gers and Schmidhuber 2000). They are zero at first.
  public var peepholes: Bool = false
  /// Adds what a layer reads to what it gives, from the second layer on.
  public var residual: Bool = false
  /// Whether h0 and c0 are parameters, zero at first; else they are zero.
  public var learnedInitialState: Bool = false
  public var readout: Readout = .lastStep
  /// Time steps per sample; `all_steps` and `cell: none` need it to size the first linear layer.
  public var steps: Int
  public var head: [HeadLayer]
  public var initialization: Initialization = Initialization()

  /// A network of the options that are named most; the others are properties.
  ///
  /// Nothing is checked before a `Model` is made of it.
  /// - Parameters:
  ///   - inputs: F, the numbers of a step, `inputSize`.
  ///   - hidden: H, `hiddenSize`.
  ///   - steps: T; only `all_steps` and cell `none` depend on it.
  public init(
    _ cell: Cell, inputs: Int = 0, hidden: Int = 0, layers: Int = 1, bidirectional: Bool = false,
    dropout: Float = 0, readout: Readout = .lastStep, steps: Int = 1, head: [HeadLayer]
  ) {
    self.cell = cell
    inputSize = inputs
    hiddenSize = hidden
    self.layers = layers
    self.bidirectional = bidirectional
    self.dropout = dropout
    self.readout = readout
    self.steps = steps
    self.head = head
  }

  /// Probabilities that a unit keeps its state of the step before, drawn for each step (Krueger et al. 2017). In evaluation the
  /// states are mixed by them.
  public struct Zoneout: Sendable, Equatable, Codable {
    public var hidden: Float = 0
    /// LSTM.
    public var cell: Float = 0
    public init(hidden: Float = 0, cell: Float = 0) {
      self.hidden = hidden
      self.cell = cell
    }
  }

  public func hiddenSize(of layer: Int) -> Int { hiddenSizes?[layer] ?? hiddenSize }
  var largestHiddenSize: Int { hiddenSizes?.max() ?? hiddenSize }
  /// Outputs of one direction of a layer.
  public func width(of layer: Int) -> Int { projectionSize > 0 ? projectionSize : hiddenSize(of: layer) }
  /// Columns of a layer's input.
  public func inputWidth(of layer: Int) -> Int { layer == 0 ? inputWidth : directions * width(of: layer - 1) }
  /// Whether steps have codes that stand for vectors.
  var readsCodes: Bool { embedding != nil || !categories.isEmpty }
  /// Whether the first layer can project each category once: it must read the vectors as they are, and alone.
  var canFoldCategories: Bool {
    !categories.isEmpty && cell != .none && !isStepwise && !bidirectional && inputDropout == 0
      && categories.allSatisfy { $0.dropout == 0 }
  }
  /// Columns of the first layer's input: the numbers, then the vectors of each categorical column.
  var inputRanges: [Range<Int>] {
    var ranges = [0..<inputSize]
    for category in categories {
      let start = ranges[ranges.count - 1].upperBound
      ranges.append(start..<start + category.width)
    }
    return ranges
  }
  /// Whether layers need more than the fused time loop has.
  package var isStepwise: Bool {
    projectionSize > 0 || layerNorm || recurrentDropout > 0 || zoneout.hidden > 0 || zoneout.cell > 0
      || peepholes || !resetAfter || cell != .none && CellDescription(cell).kernels == nil
  }

  /// D: 2 for a bidirectional network.
  public var directions: Int { bidirectional ? 2 : 1 }
  /// The width of what the first layer reads.
  public var inputWidth: Int { embedding?.width ?? inputSize + categories.reduce(0) { $0 + $1.width } }
  /// The width of the recurrent part's output, D·H; of the input where there is no recurrent part.
  public var outputWidth: Int { cell == .none ? inputWidth : directions * width(of: layers - 1) }
  /// The width of what the head reads.
  public var readoutWidth: Int {
    cell == .none || readout == .allSteps ? steps * outputWidth : outputWidth
  }
  /// The width of the head's output: the last linear layer's, or the readout's without one.
  var headWidth: Int {
    for case .linear(let width, _) in head.reversed() { return width }
    return readoutWidth
  }
  /// The width of the network's output: the head's; of a decoder of numbers that of all its steps side by side.
  public var outputSize: Int { (decoder?.numbers?.steps ?? 1) * headWidth }
  /// Whether there is an output for each time step. What a decoder of numbers writes is one for each sample.
  public var readsEveryStep: Bool { cell != .none && readout == .everyStep && decoder?.numbers == nil }
  /// Output rows of a batch: T·B for `every_step`, else B.
  public func outputRows(steps: Int, batch: Int) -> Int { readsEveryStep ? steps * batch : batch }
  /// Whether the first linear layer's size depends on the number of steps.
  public var needsEqualLengths: Bool { cell == .none || readout == .allSteps }

  /// Throws a `Failure` that names the first key whose value can't work.
  public func validate() throws(Failure) {
    func require(_ condition: Bool, _ message: @autoclosure () -> String) throws(Failure) {
      if !condition { throw .badData(message()) }
    }
    try requireSizes()
    try require(embedding != nil || inputSize > 0 || !categories.isEmpty, "the data has no features")
    try require(steps > 0, "the data has no time steps")
    if cell != .none {
      try require(layers > 0, "model.num_layers must be at least 1, not \(layers)")
      try require(
        hiddenSizes == nil || hiddenSizes!.count == layers,
        "model.hidden_size has \(hiddenSizes?.count ?? 0) numbers for \(layers) layers")
      for layer in 0..<layers {
        let size = hiddenSize(of: layer)
        try require(size > 0, "model.hidden_size must be at least 1, not \(size)")
        try require(
          projectionSize >= 0 && projectionSize < size,
          "model.proj_size must be smaller than model.hidden_size (\(size)), not \(projectionSize)")
        try require(
          !residual || layer < 2 || width(of: layer) == width(of: layer - 1),
          "model.residual needs layers of equal width from the second on")
      }
      try require(
        !residual || layers < 2 || width(of: 1) == width(of: 0), "model.residual needs layers of equal width")
      let probabilities = [
        ("dropout", dropout), ("input_dropout", inputDropout), ("recurrent_dropout", recurrentDropout),
        ("zoneout", zoneout.hidden), ("zoneout", zoneout.cell),
      ]
      for (key, probability) in probabilities {
        try require(
          probability >= 0 && probability < 1,
          "model.\(key) must be at least 0 and below 1, not \(probability)")
      }
      try require(
        projectionSize == 0 || CellDescription(cell).takesProjection,
        "model.proj_size applies to cell: \(Cell.words(where: \.takesProjection))")
      try require(
        zoneout.cell == 0 || cell.hasCellState,
        "model.zoneout of the cell state applies to cell: \(Cell.words(where: \.hasCellState))")
      try validateCellOptions()
      try require(
        initialization.forgetBias == nil || (CellDescription(cell).forgetGate != nil && bias),
        "model.init.forget_bias applies to cell: \(Cell.words { $0.forgetGate != nil }) with bias")
    }
    for layer in head {
      switch layer {
      case .linear(let width, _):
        try require(width > 0, "model.head: linear needs a width of at least 1, not \(width)")
      case .dropout(let p):
        try require(p >= 0 && p < 1, "model.head: dropout must be at least 0 and below 1, not \(p)")
      case .relu, .tanh, .sigmoid: break
      }
    }
    for category in categories {
      try require(embedding == nil, "model.category_embedding is for columns beside numbers, not tokens")
      try require(category.vocabulary > 0, "a categorical column has no categories")
      try require(category.width > 0, "model.category_embedding must be at least 1, not \(category.width)")
      try require(
        category.dropout >= 0 && category.dropout < 1,
        "model.embedding_dropout must be at least 0 and below 1, not \(category.dropout)")
    }
    try validateDecoder()
    try requireCountable()
    guard let embedding else { return }
    try require(cell != .none, "model.embedding needs a recurrent cell, not cell: none")
    try require(embedding.width > 0, "model.embedding must be at least 1, not \(embedding.width)")
    try require(embedding.vocabulary > 0, "the vocabulary is empty")
    try require(
      embedding.dropout >= 0 && embedding.dropout < 1,
      "model.embedding_dropout must be at least 0 and below 1, not \(embedding.dropout)")
    guard embedding.isTied else { return }
    let last = linearWidths.last
    try require(
      last?.inputs == embedding.width && last?.outputs == embedding.vocabulary,
      "model.tie_embeddings: the last linear layer reads \(last?.inputs ?? 0) numbers and gives \(last?.outputs ?? 0), but the "
        + "embedding has \(embedding.width) for each of \(embedding.vocabulary) tokens; make them equal")
  }

  /// What only some cells have, and what layer norm is not defined with.
  private func validateCellOptions() throws(Failure) {
    let cellOptions: [(key: String, isSet: Bool, isFor: (CellDescription) -> Bool)] = [
      ("reset_after: false", !resetAfter, { $0.gatedProduct != nil }),
      ("peepholes", peepholes, \.hasCellState),
    ]
    for option in cellOptions where option.isSet {
      guard option.isFor(CellDescription(cell)) else {
        throw .badData("model.\(option.key) applies to cell: \(Cell.words(where: option.isFor))")
      }
      guard !layerNorm else {
        throw .badData("model.\(option.key) and model.layer_norm exclude each other; keep one")
      }
    }
  }

  /// Sizes of the head's linear layers.
  var linearWidths: [(inputs: Int, outputs: Int, hasBias: Bool)] {
    var width = readoutWidth
    var widths: [(inputs: Int, outputs: Int, hasBias: Bool)] = []
    for case .linear(let outputs, let bias) in head {
      widths.append((width, outputs, bias))
      width = outputs
    }
    return widths
  }
}
