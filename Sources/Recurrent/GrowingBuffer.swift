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
