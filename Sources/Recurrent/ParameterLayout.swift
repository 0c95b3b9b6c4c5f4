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
  /// Of each name its place in `entries`.
  private var places: [String: Int] = [:]
  /// Elements of the whole buffer.
  public var count: Int { entries.last?.range.upperBound ?? 0 }

  public init() {}

  /// Appends a parameter and returns its range.
  @discardableResult
  public mutating func add(_ name: String, _ shape: [Int]) -> Range<Int> {
    let start = count
    let range = start..<start + shape.reduce(1, *)
    places[name] = entries.count
    entries.append(Entry(name: name, shape: shape, range: range))
    return range
  }

  /// From the first to the last of these that are there.
  func span(of names: [String]) -> Range<Int> {
    let ranges = names.compactMap { self[$0]?.range }
    return ranges.map(\.lowerBound).min()!..<ranges.map(\.upperBound).max()!
  }

  public subscript(name: String) -> Entry? { places[name].map { entries[$0] } }

  /// Where the parameters of the head begin.
  var headStart: Int { entries.first { $0.name.hasPrefix("fc") }?.range.lowerBound ?? count }

  /// Where backward ends a stretch of gradients, from the end to the start: the head, then each layer.
  public var boundaries: [Int] { [headStart] + layerStarts().reversed() }

  /// Where each recurrent layer begins, from below; its directions lie side by side.
  func layerStarts(module: String = "rnn") -> [Int] {
    entries.filter { $0.name.hasPrefix("\(module).weight_ih_l") && !$0.name.hasSuffix("_reverse") }
      .map(\.range.lowerBound)
  }

  /// The layout of a network, in PyTorch's module order: embedding or those of the categories, recurrent layers, of a decoder the same and its
  /// attention, then the head's linear layers.
  ///
  /// Linear layers are named `fc` (the only one, or the last), else `fc0`, `fc1`, … in order before it. A tied one has no weight of
  /// its own.
  public init(_ a: Network) {
    if let embedding = a.embedding { add("embedding.weight", [embedding.vocabulary, embedding.width]) }
    for (column, category) in a.categories.enumerated() {
      add(Self.categoryName(column), [category.vocabulary, category.width])
    }
    addRecurrent(a)
    if let decoder = a.decoder {
      if let table = decoder.embedding { add("decoder_embedding.weight", [table.vocabulary, table.width]) }
      addRecurrent(a.decoderNetwork, module: "decoder")
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

  private mutating func addRecurrent(_ a: Network, module: String = "rnn") {
    guard a.cell != .none else { return }
    for layer in 0..<a.layers {
      let parameters = a.cellParameters(layer)
      for direction in 0..<a.directions {
        let place = LayerPosition(layer: layer, direction: direction, module: module)
        for parameter in parameters { add(place.name(parameter.name) + parameter.part, parameter.shape) }
      }
    }
  }

  /// The table of a categorical column, an item of a `ModuleList`.
  public static func categoryName(_ column: Int) -> String { "category_embeddings.\(column).weight" }
  package static func linearName(_ index: Int, of count: Int) -> String {
    index == count - 1 ? "fc" : "fc\(index)"
  }
}
