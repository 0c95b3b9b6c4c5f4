import Recur

extension ModelSpecification {
  /// The network in a few words: "2 × bidirectional LSTM 12, all_steps, linear 10".
  var summary: String {
    let layersOfHead = head.map(\.summary)
    guard cell != .none else { return (["feed-forward"] + layersOfHead).joined(separator: ", ") }
    var kind = cell.rawValue.uppercased()
    if cell == .rnn && nonlinearity == .relu { kind += " (relu)" }
    if bidirectional { kind = "bidirectional " + kind }
    let vectors = embedding.map { ["embedding \($0)" + (tiesEmbeddings ? " (tied)" : "")] } ?? []
    let writer = decoder.map { ["decoder with \($0.attention.rawValue) attention"] } ?? []
    return (vectors + ["\(layers) × \(kind) \(hiddenSize)", readout.rawValue] + writer + layersOfHead).joined(
      separator: ", ")
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
