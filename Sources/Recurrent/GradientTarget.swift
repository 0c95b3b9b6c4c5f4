/// Adds up the gradients of a batch lane by lane, in an order of its own.
///
/// Backward walks the whole batch at once and cuts only what it sums over sequences: of one run of parameters after the other, it
/// gives the sum of each lane, in the order of the lanes.
public protocol LaneSums: AnyObject {
  /// Memory in the layout of the parameters that is zero at `parameters`, for the sum of one lane there.
  func begin(_ lane: Int, _ parameters: Range<Int>) -> UnsafeMutablePointer<Float>
  /// The sum is there.
  func finish(_ lane: Int, _ parameters: Range<Int>)
}

/// The lanes of a batch: consecutive sequences each.
public struct Lanes {
  /// The sequences of each lane, in order; together they are the batch. A lane may be empty.
  public var sequences: [Range<Int>]
  /// The number of the first.
  public var first: Int
  public var sums: any LaneSums

  public init(_ sequences: [Range<Int>], first: Int, sums: any LaneSums) {
    self.sequences = sequences
    self.first = first
    self.sums = sums
  }
}

/// Where backward adds gradients: to one buffer in the layout of the parameters, or lane by lane.
enum GradientTarget {
  case all(UnsafeMutablePointer<Float>)
  case lanes(Lanes)

  /// Runs `body` once for each part of the batch whose sums are taken by themselves.
  /// - parameters: all that `body` adds to; in no other call.
  /// - body: gets the sequences of the part, and memory in the layout of the parameters to add to.
  func add(
    _ parameters: Range<Int>, _ more: Range<Int>? = nil, batch: Int,
    _ body: (_ sequences: Range<Int>, _ gradients: UnsafeMutablePointer<Float>) -> Void
  ) {
    switch self {
    case .all(let gradients): body(0..<batch, gradients)
    case .lanes(let lanes):
      for (index, sequences) in lanes.sequences.enumerated() {
        let lane = lanes.first + index
        let gradients = lanes.sums.begin(lane, parameters)
        if let more { _ = lanes.sums.begin(lane, more) }
        if !sequences.isEmpty { body(sequences, gradients) }
        lanes.sums.finish(lane, parameters)
        if let more { lanes.sums.finish(lane, more) }
      }
    }
  }
}
