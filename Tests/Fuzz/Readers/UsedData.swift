import Dataset
import TestSupport

extension LoadedData {
  /// Gathers batches of all parts, and checks what must hold of any data.
  func used() throws -> Int {
    var total = 0
    for part in [train, validation, test].compactMap({ $0 }) {
      try require(part.count >= 0 && part.shape == shape, "a part's shape is not that of the data")
      try part.gatherSome()
      try part.pairs?.checkSources(vocabulary.count)
      // As a run reads a text: side by side, in streams of one length and of nearly one.
      for isEven in [true, false] {
        guard let text = part.windows, text.pairs >= 3 else { continue }
        try text.arranged(inStreams: 3, isEven: isEven).gatherSome()
      }
      total += part.count
    }
    if let rows { try require(rows.count == total, "\(rows.count) rows for \(total) samples") }
    return total &* 31 &+ shape.steps &* 7 &+ shape.features
  }
}

extension SampleSet {
  /// The first, middle and last sample as one batch.
  fileprivate func gatherSome() throws {
    let some = Set([0, count / 2, count - 1]).filter { $0 >= 0 }.sorted()
    let arrays = arrays(some.map { Int32($0) })
    let classCount = if case .classes(let count) = shape.target { count } else { 0 }
    // What a decoder reads are the targets before the one that is wanted.
    let vocabulary = pairs == nil ? shape.vocabulary ?? 0 : classCount
    try require(arrays.inputs.allSatisfy { $0.isFinite }, "an input is not finite")
    try require(arrays.values.allSatisfy { $0.isFinite }, "a target is not finite")
    try require(arrays.classes.allSatisfy { $0 >= 0 && Int($0) < classCount }, "a class is out of range")
    try require(arrays.tokens.allSatisfy { $0 >= 0 && Int($0) < vocabulary }, "a token is out of range")
  }
}

extension PairedSet {
  fileprivate func checkSources(_ vocabulary: Int) throws {
    let some = [0, count - 1].filter { $0 >= 0 }
    let tokens = arrays(some.map { Int32($0) }).sources
    try require(tokens.allSatisfy { $0 >= 0 && Int($0) < vocabulary }, "a source's token is out of range")
    try require(
      tokens.count == some.reduce(0) { $0 + source(of: $1).count }, "a source's length is another")
    for sample in some {
      let target = target(of: sample)
      try require(target.count + 1 == length(of: sample), "a target's length is not that of the sample")
    }
  }
}
