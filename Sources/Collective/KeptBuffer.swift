/// What a rank keeps from one sum to the next: a buffer that changes when what was made of the sum is used (error feedback, momentum of
/// what was not sent). Without `commit` nothing has changed.
package final class KeptBuffer {
  package let values: UnsafeMutableBufferPointer<Float>
  /// Takes the place of the values.
  package let next: UnsafeMutableBufferPointer<Float>

  /// Zeros.
  package init(_ count: Int) { (values, next) = (Self.zeros(count), Self.zeros(count)) }

  deinit {
    values.deallocate()
    next.deallocate()
  }

  package func commit() { _ = values.update(fromContentsOf: next) }

  /// With room for a vector behind the last: kernels may read it.
  private static func zeros(_ count: Int) -> UnsafeMutableBufferPointer<Float> {
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 4 * (count + 16), alignment: 64)
    let values = memory.bindMemory(to: Float.self)
    values.initialize(repeating: 0)
    return UnsafeMutableBufferPointer(rebasing: values[..<count])
  }
}
