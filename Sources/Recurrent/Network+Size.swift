import Diagnostics

extension Network {
  private static let largestSize = 1 << 30
  private static let mostLayers = 1 << 16
  private static let mostParameters = 1 << 36

  /// Refuses sizes that can't be multiplied with each other.
  func requireSizes() throws(Failure) {
    let tables = [embedding, decoder?.embedding].compactMap { $0 } + categories
    let numbers = decoder?.numbers
    let sizes =
      [inputSize, hiddenSize, projectionSize, steps, numbers?.steps ?? 0, numbers?.targets ?? 0]
      + (hiddenSizes ?? []) + tables.flatMap { [$0.vocabulary, $0.width] } + head.compactMap(\.width)
    if let size = sizes.first(where: { $0 > Self.largestSize }) {
      throw .badData("this model has a size of \(size); at most 2^30 can be counted with")
    }
    guard layers <= Self.mostLayers else {
      throw .badData("model.num_layers must be at most \(Self.mostLayers), not \(layers)")
    }
  }

  /// Refuses networks whose buffers can't be counted or held, before anything is allocated.
  func requireCountable() throws(Failure) {
    let inputs = max(inputWidth, directions * largestHiddenSize)
    let hidden = largestHiddenSize
    var products = [
      [embedding?.vocabulary ?? 0, inputWidth],
      [categories.map(\.vocabulary).max() ?? 0, inputWidth],
      [decoder?.embedding?.vocabulary ?? 0, decoder?.embedding?.width ?? 0],
      // A decoder is as wide as both directions.
      [decoder == nil ? 0 : 8, 2 * hidden, 2 * hidden, layers],
      [cell.gateCount, hidden, inputs + hidden, layers, 2],
    ]
    products += linearWidths.map { [$0.inputs, $0.outputs] }
    for product in products where product.reduce(1, { $0 * Double($1) }) > Double(Self.mostParameters) {
      throw .badData("this model has more than 2^36 parameters; make it smaller")
    }
  }
}

extension Network.HeadLayer {
  fileprivate var width: Int? { if case .linear(let width, _) = self { width } else { nil } }
}
