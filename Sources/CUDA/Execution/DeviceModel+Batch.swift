import Batches

extension DeviceModel {
  /// What a step reads.
  public enum Samples {
    /// A batch in host memory.
    case batch(Batch)
    /// Samples of the resident data set, by their numbers.
    case resident(UnsafeBufferPointer<Int32>)

    /// B
    public var count: Int {
      switch self {
      case .batch(let batch): batch.count
      case .resident(let numbers): numbers.count
      }
    }
    /// `[B]`, they key the dropout masks.
    var numbers: UnsafePointer<Int32> {
      switch self {
      case .batch(let batch): UnsafePointer(batch.numbers)
      case .resident(let numbers): numbers.baseAddress!
      }
    }
    /// nil for samples of the resident data set.
    var batch: Batch? { if case .batch(let batch) = self { batch } else { nil } }
  }

  /// Host memory, taken once it is needed, where the rows of a batch are put at equal distances, and back.
  final class Padding {
    private var words: [UInt32] = []

    /// Hands over `[steps, B, width]`, what is after a sequence's end filled.
    func padded<Element>(
      _ rows: BatchRows, _ packed: UnsafePointer<Element>, steps: Int, width: Int, filler: Element,
      _ body: (UnsafeBufferPointer<Element>) throws -> Void
    ) rethrows {
      let step = rows.batch * width
      try withMemory(of: Element.self, count: steps * step) { memory in
        var from = packed
        for index in 0..<steps {
          let active = rows.active(upTo: index)
          let to = memory.baseAddress! + index * step
          to.update(from: from, count: active * width)
          (to + active * width).update(repeating: filler, count: step - active * width)
          from += active * width
        }
        try body(UnsafeBufferPointer(memory))
      }
    }

    /// Takes the rows that are there out of `[steps, B, width]`, which `read` fills.
    func unpadded(
      _ rows: BatchRows, steps: Int, width: Int, into packed: UnsafeMutableBufferPointer<Float>,
      _ read: (UnsafeMutableBufferPointer<Float>) throws -> Void
    ) rethrows {
      let step = rows.batch * width
      try withMemory(of: Float.self, count: steps * step) { memory in
        try read(memory)
        var to = packed.baseAddress!
        for index in 0..<steps {
          let active = rows.active(upTo: index)
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

extension BatchRows {
  /// How many samples have this step, which may be after the last one's end.
  fileprivate func active(upTo step: Int) -> Int { step < steps ? active(step) : 0 }
  /// Whether all samples have so many steps.
  func fills(_ steps: Int) -> Bool { isUniform && self.steps == steps }
}
