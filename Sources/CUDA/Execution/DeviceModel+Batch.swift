extension DeviceModel {
  /// One batch in host memory, or the numbers of its samples in the resident data set.
  ///
  /// Where lengths differ, sequences come longest first, and "[T, B]" stands for the rows that are there: of step t those of the
  /// sequences longer than t, one step after the other.
  public struct Batch {
    /// `[T, B, F]`, or tokens `[T, B]`; both nil where the data set is resident.
    public var inputs: UnsafePointer<Float>?
    public var tokens: UnsafePointer<Int32>?
    /// `[rows, width]` for losses of numbers, `[rows]` for cross entropy; the other is not read.
    public var values: UnsafePointer<Float>?
    public var classes: UnsafePointer<Int32>?
    /// `[B]`, they key the dropout masks.
    public var samples: UnsafePointer<Int32>
    /// `[B]`, for a plan with lengths: steps of each sequence, longest first.
    public var lengths: UnsafePointer<Int32>?
    /// `[B]`, for a plan with streams: the stream of each row, each once.
    public var streams: UnsafePointer<Int32>?
    /// B
    public var count: Int

    /// A batch of the resident data set.
    public init(resident samples: UnsafePointer<Int32>, count: Int) {
      self.init(inputs: nil, values: nil, classes: nil, samples: samples, count: count)
    }

    public init(
      inputs: UnsafePointer<Float>?, values: UnsafePointer<Float>?, classes: UnsafePointer<Int32>?,
      samples: UnsafePointer<Int32>, count: Int
    ) {
      self.inputs = inputs
      self.values = values
      self.classes = classes
      self.samples = samples
      self.count = count
    }

    var isResident: Bool { inputs == nil && tokens == nil }

    /// Steps of the longest sequence.
    func longest(_ steps: Int) -> Int { lengths.map { Int($0[0]) } ?? steps }

    /// Whether all sequences have so many steps.
    func fills(_ steps: Int) -> Bool { lengths.map { $0[count - 1] == Int32(steps) } ?? true }

    /// How many sequences have each of these steps.
    func active(steps: Int) -> [Int] {
      guard let lengths else { return [Int](repeating: count, count: steps) }
      var active = count
      return (0..<steps).map { step in
        while active > 0, lengths[active - 1] <= step { active -= 1 }
        return active
      }
    }
  }

  /// Host memory, taken once it is needed, where the rows of a batch are put at equal distances, and back.
  final class Padding {
    private var words: [UInt32] = []

    /// Hands over `[steps, B, width]`, what is behind a sequence's end filled.
    func padded<Element>(
      _ batch: Batch, _ rows: UnsafePointer<Element>, steps: Int, width: Int, filler: Element,
      _ body: (UnsafeBufferPointer<Element>) throws -> Void
    ) rethrows {
      let step = batch.count * width
      try withMemory(of: Element.self, count: steps * step) { memory in
        var rows = rows
        for (index, active) in batch.active(steps: steps).enumerated() {
          let to = memory.baseAddress! + index * step
          to.update(from: rows, count: active * width)
          (to + active * width).update(repeating: filler, count: step - active * width)
          rows += active * width
        }
        try body(UnsafeBufferPointer(memory))
      }
    }

    /// Takes the rows that are there out of `[steps, B, width]`, which `read` fills.
    func unpadded(
      _ batch: Batch, steps: Int, width: Int, into rows: UnsafeMutableBufferPointer<Float>,
      _ read: (UnsafeMutableBufferPointer<Float>) throws -> Void
    ) rethrows {
      let step = batch.count * width
      try withMemory(of: Float.self, count: steps * step) { memory in
        try read(memory)
        var to = rows.baseAddress!
        for (index, active) in batch.active(steps: steps).enumerated() {
          to.update(from: memory.baseAddress! + index * step, count: active * width)
          to += active * width
        }
      }
    }

    private func withMemory<Element>(
      of type: Element.Type, count: Int, _ body: (UnsafeMutableBufferPointer<Element>) throws -> Void
    ) rethrows {
      if words.count < count { words = [UInt32](repeating: 0, count: count) }
      return try words.withUnsafeMutableBytes {
        try body(UnsafeMutableBufferPointer(rebasing: $0.bindMemory(to: type)[..<count]))
      }
    }
  }
}
