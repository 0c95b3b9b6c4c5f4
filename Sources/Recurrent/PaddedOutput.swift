/// A layer's outputs `[T·B, stride]`: D blocks of H units, each padded to Hp columns.
struct PaddedOutput {
  var base: UnsafeMutablePointer<Float>
  var stride: Int
  var directions: Int
  var hidden: Int
  var units: Int

  /// The width without padding, D·H.
  var width: Int { directions * hidden }
  /// Whether rows lie there without padding.
  var isDense: Bool { units == hidden }

  /// Copies a row, without padding.
  func copyRow(_ row: Int, to target: UnsafeMutablePointer<Float>) {
    if isDense { return target.update(from: base + row * stride, count: width) }
    for direction in 0..<directions { copyBlock(direction, ofRow: row, to: target + direction * hidden) }
  }
  func copyBlock(_ direction: Int, ofRow row: Int, to target: UnsafeMutablePointer<Float>) {
    target.update(from: base + row * stride + direction * units, count: hidden)
  }
  /// Writes a row; padding is left alone.
  func setRow(_ row: Int, from source: UnsafePointer<Float>) {
    if isDense { return (base + row * stride).update(from: source, count: width) }
    for direction in 0..<directions { setBlock(direction, ofRow: row, from: source + direction * hidden) }
  }
  func setBlock(_ direction: Int, ofRow row: Int, from source: UnsafePointer<Float>) {
    (base + row * stride + direction * units).update(from: source, count: hidden)
  }
}
