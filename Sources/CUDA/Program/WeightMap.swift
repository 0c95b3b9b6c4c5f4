/// Where cuDNN wants a layer's parameters, in terms of where they are.
package struct WeightMap: Equatable {
  /// Numbers that lie side by side in both.
  package struct CopiedRange: Equatable {
    /// In the layer's parameters, in floats.
    package var own: Int
    /// In cuDNN's weight space, in floats.
    package var theirs: Int
    package var count: Int
  }
  package private(set) var pieces: [CopiedRange] = []

  /// - place: where a matrix and its bias begin in the weight space, in floats: of a direction, and of the gate numbers i f g o (r z n)
  ///   of the input's matrices, then of the recurrent ones.
  package init(
    _ s: RecurrentShape, place: (_ direction: Int, _ matrix: Int) throws -> (weight: Int, bias: Int?)
  ) rethrows {
    let gates = s.cell.gates
    for direction in 0..<s.directions {
      let start = direction * s.directionCount
      let recurrent = start + gates * s.hidden * s.input
      let bias = recurrent + gates * s.hidden * s.hidden
      for matrix in 0..<2 * gates {
        let (weight, theirBias) = try place(direction, matrix)
        let gate = matrix % gates
        let width = matrix < gates ? s.input : s.hidden
        let own = (matrix < gates ? start : recurrent) + gate * s.hidden * width
        pieces.append(CopiedRange(own: own, theirs: weight, count: s.hidden * width))
        if let theirBias {
          pieces.append(CopiedRange(own: bias + matrix * s.hidden, theirs: theirBias, count: s.hidden))
        }
      }
    }
    join()
  }

  /// Puts together what lies side by side: fewer copies.
  private mutating func join() {
    var joined: [CopiedRange] = []
    for piece in pieces.sorted(by: { $0.own < $1.own }) {
      if let last = joined.last, last.own + last.count == piece.own, last.theirs + last.count == piece.theirs
      {
        joined[joined.count - 1].count += piece.count
      } else {
        joined.append(piece)
      }
    }
    pieces = joined
  }
}
