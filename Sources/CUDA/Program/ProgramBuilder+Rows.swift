import Recurrent

extension ProgramBuilder {
  mutating func readoutForward(_ x: Region, all: Bool, directions: Int, hidden: Int) -> Region {
    let y = buffer("readout", capacity * architecture.readoutWidth)
    each(
      "readout_forward", (all ? steps : 1) * batch * directions * hidden,
      [.region(x), .region(y), .int(all ? 1 : 0)] + shape(directions, hidden))
    return y
  }

  mutating func dropout(_ x: Region, to y: Region, layer: UInt32, _ probability: Float) {
    dropout(
      x, to: y, layer: layer, probability, steps: steps, blocks: architecture.directions, width: hidden)
  }

  /// Masks `[steps, B, blocks·width]` keyed by the layer's number.
  mutating func dropout(
    _ x: Region, to y: Region, layer: UInt32, _ probability: Float, steps: Int, blocks: Int, width: Int
  ) {
    each(
      "dropout", steps * batch * blocks * ((width + 3) / 4),
      [
        .region(x), .region(y), .region(place(.control)), .region(place(.samples)), .unsigned(layer),
        .unsignedLong(UInt64(Double(probability) * 4_294_967_296)), .float(1 / (1 - probability)),
        .int(Int32(steps)), .int(Int32(batch)), .int(Int32(blocks)), .int(Int32(width)),
      ])
  }
}
