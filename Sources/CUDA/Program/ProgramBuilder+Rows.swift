import Recurrent

/// What the head reads, and dropout: work on rows that no engine has of its own.
extension ProgramBuilder {
  /// The kernels' number of a readout.
  private var readoutKind: Argument {
    switch architecture.readout {
    case _ where architecture.cell == .none: .int(2)
    case .lastStep, .everyStep: .int(0)
    case .finalState: .int(1)
    case .allSteps: .int(2)
    }
  }

  /// Copies what the head reads out of a layer's outputs.
  mutating func readoutForward(_ x: Region, directions: Int, width: Int) -> Region {
    let y = buffer("readout", capacity * architecture.readoutWidth)
    let taken = architecture.cell == .none || architecture.readout == .allSteps ? steps : 1
    each(
      "readout_forward", taken * batch * directions * width,
      [.region(x), .region(y), readoutKind] + integers(steps, batch, directions, width) + [lengths])
    return y
  }

  mutating func readoutBackward(_ dy: Region, to dx: Region, directions: Int, width: Int) {
    each(
      "readout_backward", steps * batch * directions * width,
      [.region(dy), .region(dx), readoutKind] + integers(steps, batch, directions, width) + [lengths])
  }

  /// Masks behind a layer, or of the network's input.
  mutating func dropout(_ x: Region, to y: Region, behind layer: Int) {
    dropout(
      x, to: y, layer: UInt32(layer), architecture.dropout, steps: steps, blocks: architecture.directions,
      width: architecture.width(of: layer), isLocked: architecture.lockedDropout)
  }

  /// Masks `[steps, B, blocks·width]` keyed by the layer's number.
  mutating func dropout(
    _ x: Region, to y: Region, layer: UInt32, _ probability: Float, steps: Int, blocks: Int, width: Int,
    isLocked: Bool = false
  ) {
    each(
      "dropout", steps * batch * blocks * ((width + 3) / 4),
      [
        .region(x), .region(y), .region(place(.control)), .region(place(.samples)), .unsigned(layer),
        threshold(probability), .float(1 / (1 - probability)),
      ] + integers(steps, batch, blocks, width, isLocked ? 1 : 0))
  }

  /// A unit is dropped when its random word is below this.
  func threshold(_ probability: Float) -> Argument {
    .unsignedLong(UInt64(Double(probability) * 4_294_967_296))
  }

  func integers(_ values: Int...) -> [Argument] { values.map { .int(Int32($0)) } }

  /// `[B]`, or null where all sequences have as many steps as the program.
  var lengths: Argument { .region(hasLengths ? place(.lengths) : nil) }
}
