import Diagnostics
import Recurrent

/// The parameters that `train.freeze` names. They keep every bit: no step, no weight decay, no average touches them, and their
/// gradients count in no norm.
struct FrozenParameters {
  /// Places in layout order, joined where they touch.
  private let ranges: [Range<Int>]
  /// All others.
  private let trained: [Range<Int>]

  static let none = FrozenParameters([], count: 0)

  private init(_ ranges: [Range<Int>], count: Int) {
    self.ranges = ranges
    let (starts, ends) = ([0] + ranges.map(\.upperBound), ranges.map(\.lowerBound) + [count])
    trained = zip(starts, ends).map { $0..<$1 }.filter { !$0.isEmpty }
  }

  /// Throws `badData` where a pattern names nothing, or nothing is left to train.
  init(_ patterns: [String], of layout: ParameterLayout) throws(Failure) {
    let patterns = patterns.map(NamePattern.init)
    try patterns.requireUse(on: layout.entries.map(\.name), key: "train.freeze")
    var ranges: [Range<Int>] = []
    for entry in layout.entries where patterns.match(entry.name) {
      if let last = ranges.last, last.upperBound == entry.range.lowerBound {
        ranges[ranges.count - 1] = last.lowerBound..<entry.range.upperBound
      } else {
        ranges.append(entry.range)
      }
    }
    self.init(ranges, count: layout.count)
    guard !trained.isEmpty else {
      throw .badData("train.freeze names every parameter of the network: nothing is left to train")
    }
  }

  /// All parameters in front of this one are frozen.
  var end: Int { ranges.first.map { $0.lowerBound == 0 ? $0.upperBound : 0 } ?? 0 }

  /// Whether a tensor is one of them.
  func contains(_ tensor: Range<Int>) -> Bool { ranges.contains { $0.overlaps(tensor) } }

  /// What is trained of a slice, counted from its start; nil for all of it.
  func trained(of slice: Range<Int>) -> [Range<Int>]? {
    if ranges.isEmpty { return nil }
    return trained.map { $0.clamped(to: slice) }.filter { !$0.isEmpty }
      .map { $0.lowerBound - slice.lowerBound..<$0.upperBound - slice.lowerBound }
  }

  /// Forgets their gradients.
  func clear(_ gradients: UnsafeMutableBufferPointer<Float>) {
    for range in ranges { UnsafeMutableBufferPointer(rebasing: gradients[range]).update(repeating: 0) }
  }
}
