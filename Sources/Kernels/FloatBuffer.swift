#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Owns floats that start zeroed, on a cache-line boundary, with room for a whole vector after the last one.
public struct FloatBuffer: ~Copyable {
  public let base: UnsafeMutablePointer<Float>
  public private(set) var count: Int

  /// Allocates `count` zeros.
  public init(_ count: Int) {
    var memory: UnsafeMutableRawPointer?
    let bytes = (count + FloatBuffer.slack) * MemoryLayout<Float>.stride
    let isLarge = bytes >= 2 * FloatBuffer.hugePage
    guard posix_memalign(&memory, isLarge ? FloatBuffer.hugePage : 64, bytes) == 0, let memory else {
      fatalError("out of memory: \(bytes) bytes")
    }
    // Rows of large buffers lie pages apart: with small pages each row is another address to look up.
    if isLarge { madvise(memory, bytes, FloatBuffer.adviseHuge) }
    memset(memory, 0, bytes)
    base = memory.bindMemory(to: Float.self, capacity: count + FloatBuffer.slack)
    self.count = count
  }

  deinit { free(base) }

  public var all: UnsafeMutableBufferPointer<Float> { UnsafeMutableBufferPointer(start: base, count: count) }

  /// Makes room for at least `count` floats. What was there is lost and all are zero when it grows.
  public mutating func reserve(_ count: Int) {
    if count > self.count { self = FloatBuffer(count) }
  }

  /// Kernels may read (never write) up to one vector past the end.
  private static let slack = 16
  private static let hugePage = 2 << 20
  /// MADV_HUGEPAGE, which Swift's view of the C library leaves out; a system without it ignores the advice.
  private static let adviseHuge: Int32 = 14
}
