/// What a set keeps its inputs as: bytes of images stay bytes until a batch needs them.
protocol SequenceElement: BitwiseCopyable, Sendable {
  /// Writes `count` elements as the floats the model sees.
  static func write(_ from: UnsafePointer<Self>, to: UnsafeMutablePointer<Float>, count: Int)
}

extension Float: SequenceElement {
  @inline(__always)
  static func write(_ from: UnsafePointer<Float>, to: UnsafeMutablePointer<Float>, count: Int) {
    // A loop rather than a call: most rows are a few floats.
    for i in 0..<count { to[i] = from[i] }
  }
}

extension UInt8: SequenceElement {
  /// A pixel as a fraction of white, as torchvision's `ToTensor` has it.
  @inline(__always)
  static func write(_ from: UnsafePointer<UInt8>, to: UnsafeMutablePointer<Float>, count: Int) {
    for i in 0..<count { to[i] = Float(from[i]) / 255 }
  }
}

/// How samples lie in rows of numbers.
struct SampleLayout: Sendable, Equatable {
  /// Rows per sample (T).
  var steps: Int
  /// Rows from one sample's first to the next one's: 1 for sliding windows, T where samples stand side by side.
  var stride: Int
  /// Target rows from a sample's number to its target: `w - 1 + horizon` for windows, 0 where each sample has its own.
  var targetOffset: Int

  static func windows(_ window: Int, horizon: Int) -> SampleLayout {
    SampleLayout(steps: window, stride: 1, targetOffset: window - 1 + horizon)
  }
  static func separate(steps: Int) -> SampleLayout {
    SampleLayout(steps: steps, stride: steps, targetOffset: 0)
  }
}

/// Samples that are stretches of rows in one array, which several sets may share.
struct SequenceSet<Element: SequenceElement>: SampleSet {
  let shape: SampleShape
  let layout: SampleLayout
  /// The samples of the whole array that belong to this set.
  let samples: Range<Int>
  /// `[rows, F]`.
  let inputs: Elements<Element>
  /// `[target rows, width]`; empty for classes.
  let values: Elements<Float>
  /// `[target rows]`; empty for values.
  let classes: Elements<Int32>

  var count: Int { samples.count }

  func gather(
    _ samples: UnsafeBufferPointer<Int32>, inputs: UnsafeMutablePointer<Float>,
    values: UnsafeMutablePointer<Float>, classes: UnsafeMutablePointer<Int32>
  ) {
    for sample in samples { precondition(sample >= 0 && Int(sample) < count, "sample number out of range") }
    gatherInputs(samples, inputs)
    switch shape.target {
    case .values(let width): gatherValues(samples, width, values)
    case .classes: gatherClasses(samples, classes)
    }
  }

  private func gatherInputs(_ numbers: UnsafeBufferPointer<Int32>, _ out: UnsafeMutablePointer<Float>) {
    let features = shape.features
    let batch = numbers.count
    inputs.withUnsafeBufferPointer { inputs in
      guard let base = inputs.baseAddress else { return }
      // Time-major: the batch's rows of one step stand side by side.
      for b in 0..<batch {
        var from = base + (samples.lowerBound + Int(numbers[b])) * layout.stride * features
        var to = out + b * features
        for _ in 0..<layout.steps {
          Element.write(from, to: to, count: features)
          from += features
          to += batch * features
        }
      }
    }
  }

  private func gatherValues(
    _ numbers: UnsafeBufferPointer<Int32>, _ width: Int, _ out: UnsafeMutablePointer<Float>
  ) {
    values.withUnsafeBufferPointer { values in
      guard let base = values.baseAddress else { return }
      for b in 0..<numbers.count {
        let row = samples.lowerBound + Int(numbers[b]) + layout.targetOffset
        Float.write(base + row * width, to: out + b * width, count: width)
      }
    }
  }

  private func gatherClasses(_ numbers: UnsafeBufferPointer<Int32>, _ out: UnsafeMutablePointer<Int32>) {
    classes.withUnsafeBufferPointer { classes in
      for b in 0..<numbers.count {
        out[b] = classes[samples.lowerBound + Int(numbers[b]) + layout.targetOffset]
      }
    }
  }
}
