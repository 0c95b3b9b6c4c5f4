import Recurrent

/// What the head reads, and dropout: work on rows that no engine has of its own.
extension ProgramBuilder {
  /// The kernels' number of a readout.
  private var readoutKind: Int {
    switch network.readout {
    case _ where network.cell == .none: 2
    case .lastStep, .everyStep: 0
    case .finalState: 1
    case .allSteps: 2
    }
  }

  /// Copies what the head reads out of a layer's outputs.
  mutating func readoutForward(_ x: Region, directions: Int, width: Int) -> Region {
    let y = buffer("readout", capacity * network.readoutWidth)
    let taken = network.cell == .none || network.readout == .allSteps ? steps : 1
    each(
      taken * batch * directions * width,
      .readoutForward(
        x: x, y: y, kind: readoutKind, steps: steps, batch: batch, directions: directions, hidden: width,
        lengths: lengths))
    return y
  }

  mutating func readoutBackward(_ dy: Region, to dx: Region, directions: Int, width: Int) {
    each(
      steps * batch * directions * width,
      .readoutBackward(
        dy: dy, dx: dx, kind: readoutKind, steps: steps, batch: batch, directions: directions, hidden: width,
        lengths: lengths))
  }

  /// Masks after a layer, or of the network's input.
  mutating func dropout(_ x: Region, to y: Region, after layer: Int) {
    dropout(
      x, to: y, layer: UInt32(layer), network.dropout, steps: steps, blocks: network.directions,
      width: network.width(of: layer), isLocked: network.lockedDropout)
  }

  /// Masks `[steps, B, blocks·width]` keyed by the layer's number.
  mutating func dropout(
    _ x: Region, to y: Region, layer: UInt32, _ probability: Float, steps: Int, blocks: Int, width: Int,
    isLocked: Bool = false
  ) {
    each(
      steps * batch * blocks * ((width + 3) / 4),
      .dropout(
        x: x, y: y, control: place(.control), samples: place(.samples), layer: layer,
        threshold: threshold(probability), scale: 1 / (1 - probability), steps: steps, batch: batch,
        blocks: blocks, width: width, locked: isLocked.flag))
  }

  /// A unit is dropped when its random word is below this.
  func threshold(_ probability: Float) -> UInt64 { UInt64(Double(probability) * 4_294_967_296) }

  /// `[B]`, or null where all sequences have as many steps as the program.
  var lengths: Region? { hasLengths ? place(.lengths) : nil }
}
