import Kernels

/// A growing buffer that can stand in an array.
final class GrowingBuffer {
  private var buffer = FloatBuffer(0)
  var base: UnsafeMutablePointer<Float> { buffer.base }
  func reserve(_ count: Int) { buffer.reserve(count) }
  func zero(_ count: Int) {
    buffer.reserve(count)
    buffer.base.update(repeating: 0, count: count)
  }
}

/// Growing room for numbers that start as zeros.
struct GrowingArray<Element: FixedWidthInteger>: ~Copyable {
  private var memory = UnsafeMutableBufferPointer<Element>.allocate(capacity: 0)
  deinit { memory.deallocate() }

  var base: UnsafeMutablePointer<Element> { memory.baseAddress! }

  mutating func reserve(_ count: Int) {
    guard count > memory.count else { return }
    memory.deallocate()
    memory = .allocate(capacity: count)
    memory.initialize(repeating: 0)
  }
}
