import Kernels

/// Adds up the gradients of a batch lane by lane, in an order of its own.
///
/// Backward computes the whole batch at once and cuts only what it sums over sequences: of one run of parameters after the other, it
/// gives the sum of each lane, in the order of the lanes.
package protocol LaneSums: AnyObject {
  /// Memory in the layout of the parameters, for the sum of one lane at these; whatever is there.
  func begin(_ lane: Int, _ parameters: Range<Int>) -> UnsafeMutablePointer<Float>
  /// The sum is there. Called for parts of what was begun, maybe at the same time by several threads.
  func finish(_ lane: Int, _ parameters: Range<Int>)
}

/// The lanes of a batch: consecutive sequences each.
package struct Lanes {
  /// The sequences of each lane, in order; together they are the batch. A lane may be empty.
  package var sequences: [Range<Int>]
  /// The number of the first.
  package var first: Int
  package var sums: any LaneSums

  package init(_ sequences: [Range<Int>], first: Int, sums: any LaneSums) {
    self.sequences = sequences
    self.first = first
    self.sums = sums
  }
}

/// Where backward adds gradients: to one buffer in the layout of the parameters, or lane by lane.
enum GradientTarget {
  case all(UnsafeMutablePointer<Float>)
  case lanes(Lanes)

  /// One part of a batch whose sums are taken by themselves.
  struct BatchSlice {
    var sequences: Range<Int>
    /// Which part, from 0.
    var index: Int
    /// In the layout of the parameters.
    var gradients: UnsafeMutablePointer<Float>
    /// What is to be written here, not added to.
    var overwritten: Range<Int>
  }

  /// The sequences of each part of the batch.
  func sequences(batch: Int) -> [Range<Int>] {
    switch self {
    case .all: [0..<batch]
    case .lanes(let lanes): lanes.sequences
    }
  }

  /// Runs `body` once for each part of the batch.
  /// - parameters, more: all that `body` adds to; in no other call.
  /// - overwriting: those of `parameters` that `body` can write instead.
  func add(
    _ parameters: Range<Int>, _ more: Range<Int>? = nil, overwriting: Range<Int> = 0..<0, batch: Int,
    _ team: Team, _ body: (BatchSlice) -> Void
  ) {
    switch self {
    case .all(let gradients):
      body(BatchSlice(sequences: 0..<batch, index: 0, gradients: gradients, overwritten: 0..<0))
    case .lanes(let lanes):
      for (index, sequences) in lanes.sequences.enumerated() {
        let (lane, sums) = (lanes.first + index, lanes.sums)
        let overwritten = sequences.isEmpty ? 0..<0 : overwriting
        let gradients = sums.begin(lane, parameters)
        zero(gradients, parameters, but: overwritten)
        if let more { zero(sums.begin(lane, more), more, but: 0..<0) }
        if !sequences.isEmpty {
          body(
            BatchSlice(sequences: sequences, index: index, gradients: gradients, overwritten: overwritten))
        }
        team.run(.laneSums, operations: parameters.count) { share in
          let part = share.of(parameters.count, grain: 1024)
          let start = parameters.lowerBound
          sums.finish(lane, start + part.lowerBound..<start + part.upperBound)
        }
        if let more { sums.finish(lane, more) }
      }
    }
  }

  private func zero(_ gradients: UnsafeMutablePointer<Float>, _ range: Range<Int>, but kept: Range<Int>) {
    let kept = kept.isEmpty ? range.upperBound..<range.upperBound : kept
    for part in [range.lowerBound..<kept.lowerBound, kept.upperBound..<range.upperBound] {
      (gradients + part.lowerBound).update(repeating: 0, count: part.count)
    }
  }
}
