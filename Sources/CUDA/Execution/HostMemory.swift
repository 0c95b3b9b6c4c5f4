/// Memory of the host that an executor copies to and from while it runs; no page of it is ever moved.
public final class HostMemory {
  public let bytes: UnsafeMutableRawBufferPointer
  private let free: () -> Void

  /// - free: gives the memory back.
  public init(_ bytes: UnsafeMutableRawBufferPointer, free: @escaping () -> Void) {
    self.bytes = bytes
    self.free = free
  }

  deinit { free() }

  public var floats: UnsafeMutableBufferPointer<Float> { bytes.assumingMemoryBound(to: Float.self) }
}
