import Diagnostics
import Recurrent

extension Codec where Value == [Network.HeadLayer] {
  /// A list such as `[{linear: 10}, relu, {dropout: 0.5}]`.
  static var headLayers: Codec {
    Codec(.list(of: .headLayer, .any)) { node, place in
      guard case .list(let items) = node.content else {
        throw node.failure("\(place.path) must be a list such as [{linear: 10}], not \(node.kindName)")
      }
      return try items.map { try Network.HeadLayer($0, place) }
    } write: {
      .list($0.map(\.text))
    }
  }
}

/// `linear: {size: 10, bias: false}`.
private struct LinearLayer: DeclaredSection {
  var size = 1
  var bias = true

  static let section = Section(
    start: LinearLayer(),
    keys: [
      Key(
        "size", \.size, .width, "Outputs: a number, or classes or targets for as many as data and loss need."
      ).required(),
      Key("bias", \.bias, .flag, "Whether the layer has a bias."),
    ])
}

extension Codec where Value == Int {
  /// A layer's width: a number, `classes` or `targets`.
  fileprivate static var width: Codec {
    let number = Codec.whole(1...1 << 24)
    let open = ModelSpecification.openWidths
    return Codec(.either([number.kind, .choice(open.map(\.word))])) { node, place in
      if case .scalar(let text) = node.content, let found = open.first(where: { $0.word == text }) {
        return found.width
      }
      return try number.read(node, place)
    } write: { width in
      ModelSpecification.word(ofWidth: width).map { .plain($0) } ?? .init(width)
    }
  }
}

extension ValueKind {
  fileprivate static var headLayer: ValueKind {
    let linear = Codec<LinearLayer>.section().kind
    return .either([
      .choice(["relu", "tanh", "sigmoid"]),
      .map(["linear": .either([Codec<Int>.width.kind, linear])]), .map(["dropout": .number(.belowOne)]),
    ])
  }
}

extension Network.HeadLayer {
  private static let names = ["linear", "relu", "tanh", "sigmoid", "dropout"]

  fileprivate init(_ node: RecipeNode, _ place: KeyLocation) throws {
    switch node.content {
    case .scalar("relu"): self = .relu
    case .scalar("tanh"): self = .tanh
    case .scalar("sigmoid"): self = .sigmoid
    case .scalar("linear"): throw node.failure("\(place.path): linear needs its width, as in {linear: 10}")
    case .scalar("dropout"):
      throw node.failure("\(place.path): dropout needs its probability, as in {dropout: 0.5}")
    case .map(let entries) where entries.count == 1: try self.init(entries[0], place)
    case .map: throw node.failure("\(place.path): one layer per item, such as - linear: 10")
    default: throw Self.unknown(node.kindName, node, place)
    }
  }

  /// `linear: 10`, `linear: {size: 10, bias: false}` or `dropout: 0.5`.
  private init(_ entry: RecipeNode.Pair, _ place: KeyLocation) throws {
    func missing(_ what: String) -> Failure {
      .badData("\(entry.origin): \(place.path): \(entry.key) needs \(what)")
    }
    let (value, inner) = (entry.value, place.deeper(entry.key))
    switch entry.key {
    case "linear":
      if case .null = value.content { throw missing("its width") }
      guard case .map = value.content else {
        self = .linear(try Codec<Int>.width.read(value, inner))
        return
      }
      let map = try RecipeMap(value, place: inner)
      try map.allow(LinearLayer.section.names(of: nil))
      guard map.has("size") else { throw missing("its size") }
      let layer = try LinearLayer.section.read(map)
      self = .linear(layer.size, bias: layer.bias)
    case "dropout":
      if case .null = value.content { throw missing("its probability") }
      self = .dropout(try value.float(.belowOne, inner))
    default: throw Self.unknown(entry.key, RecipeNode(content: .null, origin: entry.origin), place)
    }
  }

  private static func unknown(_ name: String, _ node: RecipeNode, _ place: KeyLocation) -> Failure {
    let near = nearestName(to: name, among: names).map { "; did you mean \($0)?" } ?? ""
    let choices = names.joined(separator: ", ")
    return node.failure("\(place.path): a layer must be one of \(choices), not \(name)\(near)")
  }

  fileprivate var text: YAMLText {
    switch self {
    case .linear(let size, true): .map([("linear", Codec<Int>.width.write(size))])
    case .linear(let size, false):
      .map([("linear", .map(LinearLayer.section.write(LinearLayer(size: size, bias: false))))])
    case .relu: .plain("relu")
    case .tanh: .plain("tanh")
    case .sigmoid: .plain("sigmoid")
    case .dropout(let probability): .map([("dropout", .plain("\(probability)"))])
    }
  }
}
