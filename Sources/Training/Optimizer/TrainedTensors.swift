import Recurrent

/// The tensors that an optimizer changes, or the parts of them that lie in its slice of the parameters.
struct TrainedTensors {
  struct TensorPart {
    /// Its number among all tensors of the model.
    let number: Int
    /// Its elements, counted from the slice's start.
    let range: Range<Int>
    /// Whether it is a bias or another vector.
    let isVector: Bool
  }

  /// Rising, none empty.
  let parts: [TensorPart]
  /// Tensors of the whole model.
  let count: Int

  /// One tensor of so many elements.
  init(count elements: Int) {
    parts = elements == 0 ? [] : [TensorPart(number: 0, range: 0..<elements, isVector: false)]
    count = 1
  }

  /// - slice: of the layout's elements; nil for all.
  init(_ layout: ParameterLayout, slice: Range<Int>? = nil, frozen: FrozenParameters = .none) {
    let slice = slice ?? 0..<layout.count
    count = layout.entries.count
    parts = layout.entries.enumerated().compactMap { number, entry in
      let range = entry.range.clamped(to: slice)
      guard !range.isEmpty, !frozen.contains(entry.range) else { return nil }
      return TensorPart(
        number: number, range: range.lowerBound - slice.lowerBound..<range.upperBound - slice.lowerBound,
        isVector: entry.shape.count == 1)
    }
  }
}
