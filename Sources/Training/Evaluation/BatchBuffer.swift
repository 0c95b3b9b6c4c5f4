import Dataset

/// Memory for one batch of samples, taken once for the largest.
final class BatchBuffer {
  private let set: any SampleSet
  let capacity: Int
  let inputs: UnsafeMutablePointer<Float>
  let values: UnsafeMutablePointer<Float>
  let classes: UnsafeMutablePointer<Int32>

  init(_ set: any SampleSet, capacity: Int) {
    self.set = set
    self.capacity = capacity
    inputs = .allocate(capacity: capacity * set.shape.steps * set.shape.features)
    values = .allocate(capacity: capacity * set.shape.targetWidth)
    classes = .allocate(capacity: capacity)
  }

  deinit {
    inputs.deallocate()
    values.deallocate()
    classes.deallocate()
  }

  func gather(_ samples: UnsafeBufferPointer<Int32>) {
    precondition(samples.count <= capacity)
    set.gather(samples, inputs: inputs, values: values, classes: classes)
  }
}

extension SampleShape {
  /// Numbers per target; 0 for classes.
  var targetWidth: Int {
    if case .values(let width) = target { width } else { 0 }
  }
}
