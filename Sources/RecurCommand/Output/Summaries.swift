import Recur

extension ModelSpecification {
  /// The network in a few words: "2 × bidirectional LSTM 12, all_steps, linear 10".
  var summary: String {
    let layersOfHead = network.head.map(\.summary)
    guard network.cell != .none else { return (["feed-forward"] + layersOfHead).joined(separator: ", ") }
    let cell = CellDescription(network.cell)
    var kind = cell.name
    if cell.takesNonlinearity && network.nonlinearity == .relu { kind += " (relu)" }
    if network.bidirectional { kind = "bidirectional " + kind }
    let sizes = network.hiddenSizes?.map(String.init).joined(separator: "-") ?? "\(network.hiddenSize)"
    let vectors = embedding.map { ["embedding \($0)" + (tiesEmbeddings ? " (tied)" : "")] } ?? []
    let reader =
      decoder.map { "decoder with \($0.attention == .none ? "no" : $0.attention.rawValue) attention" }
      ?? network.readout.rawValue
    return (vectors + ["\(network.layers) × \(kind) \(sizes)"] + network.options + [reader] + layersOfHead)
      .joined(separator: ", ")
  }
}

extension Network {
  /// What differs from a plain network.
  fileprivate var options: [String] {
    var words: [String] = []
    if projectionSize > 0 { words.append("projected to \(projectionSize)") }
    if peepholes { words.append("peepholes") }
    if !resetAfter { words.append("reset before the product") }
    if layerNorm { words.append("layer norm") }
    if residual { words.append("residual") }
    let locked = lockedDropout ? "locked " : ""
    if inputDropout > 0 { words.append("\(locked)input dropout \(inputDropout)") }
    if dropout > 0, layers > 1 { words.append("\(locked)dropout \(dropout)") }
    if recurrentDropout > 0 { words.append("recurrent dropout \(recurrentDropout)") }
    if zoneout.hidden > 0 || zoneout.cell > 0 {
      words.append("zoneout \(zoneout.hidden)" + (cell.hasCellState ? ", \(zoneout.cell)" : ""))
    }
    if learnedInitialState { words.append("learned initial state") }
    return words
  }
}

extension Network.HeadLayer {
  var summary: String {
    switch self {
    case .linear(let width, let bias):
      "linear \(ModelSpecification.word(ofWidth: width) ?? "\(width)")" + (bias ? "" : " without bias")
    case .relu: "relu"
    case .tanh: "tanh"
    case .sigmoid: "sigmoid"
    case .dropout(let p): "dropout \(p)"
    }
  }
}
