import Recur

extension ModelSpecification {
  /// The network in a few words: "2 × bidirectional LSTM 12, all_steps, linear 10".
  var summary: String {
    let layersOfHead = head.map(\.summary)
    guard cell != .none else { return (["feed-forward"] + layersOfHead).joined(separator: ", ") }
    // text: a word of this program.
    var kind = cell.rawValue.uppercased()
    if cell == .rnn && nonlinearity == .relu { kind += " (relu)" }
    if bidirectional { kind = "bidirectional " + kind }
    let sizes = hiddenSizes.map { $0.map(String.init).joined(separator: "-") } ?? "\(hiddenSize)"
    let vectors = embedding.map { ["embedding \($0)" + (tiesEmbeddings ? " (tied)" : "")] } ?? []
    let reader =
      decoder.map { "decoder with \($0.attention == .none ? "no" : $0.attention.rawValue) attention" }
      ?? readout.rawValue
    return (vectors + ["\(layers) × \(kind) \(sizes)"] + options + [reader] + layersOfHead)
      .joined(separator: ", ")
  }
}

extension ModelSpecification {
  /// What differs from a plain network.
  private var options: [String] {
    var words: [String] = []
    if projectionSize > 0 { words.append("projected to \(projectionSize)") }
    if layerNorm { words.append("layer norm") }
    if residual { words.append("residual") }
    let locked = lockedDropout ? "locked " : ""
    if inputDropout > 0 { words.append("\(locked)input dropout \(inputDropout)") }
    if dropout > 0, layers > 1 { words.append("\(locked)dropout \(dropout)") }
    if recurrentDropout > 0 { words.append("recurrent dropout \(recurrentDropout)") }
    if zoneout.hidden > 0 || zoneout.cell > 0 {
      words.append("zoneout \(zoneout.hidden)" + (cell == .lstm ? ", \(zoneout.cell)" : ""))
    }
    if learnedInitialState { words.append("learned initial state") }
    return words
  }
}

extension Architecture.HeadLayer {
  var summary: String {
    switch self {
    case .linear(let width, let bias):
      "linear \(width == ModelSpecification.classes ? "classes" : "\(width)")" + (bias ? "" : " without bias")
    case .relu: "relu"
    case .tanh: "tanh"
    case .sigmoid: "sigmoid"
    case .dropout(let p): "dropout \(p)"
    }
  }
}

extension OptimizerSpecification.Rule {
  var name: String {
    switch self {
    case .sgd: "sgd"
    case .adam: "adam"
    case .adamW: "adamw"
    case .rmsprop: "rmsprop"
    }
  }
}
