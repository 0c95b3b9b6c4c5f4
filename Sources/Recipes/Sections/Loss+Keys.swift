import Recurrent

extension Loss: SelectedSection {
  static func start(_ kind: Kind) -> Loss {
    switch kind {
    case .mse: .mse
    case .mae: .mae
    case .huber: .huber(delta: 1)
    case .crossEntropy: .crossEntropy()
    case .bceWithLogits: .bceWithLogits
    case .quantile: .quantile(levels: [0.1, 0.5, 0.9])
    case .gaussianNLL: .gaussianNLL
    case .studentT: .studentT
    case .poisson: .poisson
    case .negativeBinomial: .negativeBinomial
    }
  }

  static let section: Section<Self> = Section(
    selector: "name", words: "loss ",
    keys: [
      Key(
        selector: "name",
        "What is made small, as PyTorch's losses: cross_entropy for classes, the others for numbers; the last five say how sure they are."
      ),
      Key(
        "levels", \.levels, .levels, only: [.quantile],
        "Probabilities of not exceeding each of the outputs, rising."),
      Key(
        "delta", \.delta, .number(.positive), only: [.huber],
        "Size of a difference up to which the loss is a square, and beyond which it is a line."),
      Key(
        "ignore_index", \.classSettings.ignoreIndex, .whole(Int(Int32.min)...Int(Int32.max)),
        only: [.crossEntropy], "Number of the class whose samples do not count."),
      Key(
        "class_weights", optional: \.classSettings.weights, .classWeights, only: [.crossEntropy],
        "How much a sample of each class counts, a number for each output."),
      Key(
        "label_smoothing", \.classSettings.smoothing, .number(.probability), only: [.crossEntropy],
        "Share of the target that is spread evenly over all classes."),
    ])
}

extension Loss {
  fileprivate struct ClassSettings {
    var ignoreIndex: Int32 = -100
    var weights: [Float]?
    var smoothing: Float = 0
  }

  fileprivate var levels: [Double] {
    get { if case .quantile(let levels) = self { levels } else { [] } }
    set { self = .quantile(levels: newValue) }
  }

  fileprivate var delta: Float {
    get { if case .huber(let delta) = self { delta } else { 1 } }
    set { self = .huber(delta: newValue) }
  }

  fileprivate var classSettings: ClassSettings {
    get {
      guard case .crossEntropy(let ignored, let weights, let smoothing) = self else { return ClassSettings() }
      return ClassSettings(ignoreIndex: ignored, weights: weights, smoothing: smoothing)
    }
    set {
      self = .crossEntropy(
        ignoreIndex: newValue.ignoreIndex, classWeights: newValue.weights, labelSmoothing: newValue.smoothing)
    }
  }
}

extension Codec where Value == [Float] {
  fileprivate static var classWeights: Codec {
    Codec(.list(of: .number(.notNegative), .notEmpty)) { node, place in
      guard case .list(let items) = node.content, !items.isEmpty else {
        throw place.wrong(node, "a list of numbers, one per class")
      }
      return try items.map { try $0.float(.notNegative, place) }
    } write: {
      .list($0.map { .plain("\($0)") })
    }
  }
}

extension Codec where Value == [Double] {
  fileprivate static var levels: Codec {
    Codec(.list(of: .number(.inside), .notEmpty)) { node, place in
      guard case .list(let items) = node.content, !items.isEmpty else {
        throw place.wrong(node, "a list of probabilities, such as [0.1, 0.5, 0.9]")
      }
      let levels = try items.map { try $0.number(.inside, place) }
      guard zip(levels, levels.dropFirst()).allSatisfy({ $0 < $1 }) else {
        throw node.failure("\(place.path) must rise from one to the next, such as [0.1, 0.5, 0.9]")
      }
      return levels
    } write: {
      .list($0.map { .init($0) })
    }
  }
}
