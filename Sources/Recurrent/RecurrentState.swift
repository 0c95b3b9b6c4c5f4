/// The states of all layers and directions, as PyTorch orders them: layer 0 forward, layer 0 reverse, layer 1 forward, …
public struct RecurrentState: Sendable, Equatable {
  /// `[layers·D, B, H]`
  public var hidden: [Float]
  /// `[layers·D, B, H]`; empty for cells without c.
  public var cell: [Float]

  public init(hidden: [Float], cell: [Float] = []) {
    self.hidden = hidden
    self.cell = cell
  }
}

/// Rows `[B, H]` of a state, copied between the dense form above and the padded one of the kernels.
enum StateRows {
  static func pad(
    _ dense: UnsafePointer<Float>, to padded: UnsafeMutablePointer<Float>, batch: Int, hidden: Int, units: Int
  ) {
    for row in 0..<batch { (padded + row * units).update(from: dense + row * hidden, count: hidden) }
  }
  static func dense(_ padded: UnsafePointer<Float>, stride: Int, batch: Int, hidden: Int) -> [Float] {
    [Float](unsafeUninitializedCapacity: batch * hidden) { buffer, count in
      for row in 0..<batch {
        (buffer.baseAddress! + row * hidden).initialize(from: padded + row * stride, count: hidden)
      }
      count = batch * hidden
    }
  }
}
