import Dataset

extension EpochOrder {
  /// The order of `epoch` as an array.
  package func order(epoch: Int) -> [Int32] {
    [Int32](unsafeUninitializedCapacity: count) { buffer, initialized in
      write(epoch: epoch, into: buffer)
      initialized = count
    }
  }
}
