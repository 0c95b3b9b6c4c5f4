import CUDA
import Foundation
import Recurrent

/// The made-up batches.
extension DeviceCheck {
  /// A batch as it lies in host memory: see `DeviceModel.Batch`.
  struct Batch {
    var inputs: [Float] = []
    var tokens: [Int32] = []
    var values: [Float] = []
    var classes: [Int32] = []
    var samples: [Int32]
    var lengths: [Int32]
    var streams: [Int32]
  }

  func batch(_ step: Int) -> Batch {
    let lengths = lengths(step)
    var made = Batch(
      samples: (0..<Int32(batch)).map { 11 + 3 * $0 }, lengths: lengths,
      streams: (0..<batch).map { Int32(($0 + step) % batch) })
    let inputs = lengths.reduce(0) { $0 + Int($1) }
    if let embedding = network.embedding {
      made.tokens = (0..<inputs).map { Int32(($0 * $0 + 3 * $0 / 2 + step) % embedding.vocabulary) }
    } else {
      made.inputs = Self.wave(inputs * network.inputSize, phase: 0.7 * Double(step))
    }
    let rows = rows(lengths)
    if loss.takesClasses {
      made.classes = (0..<rows).map { Int32((5 * $0 + $0 * $0 + step) % network.outputSize) }
    } else {
      let values = Self.wave(rows * network.outputSize, phase: 0.3 + 0.5 * Double(step))
      made.values = loss == .bceWithLogits ? values.map { $0 * 0.5 + 0.5 } : values
    }
    return made
  }

  /// Rows of the network's output.
  func rows(_ lengths: [Int32]) -> Int {
    network.readsEveryStep ? lengths.reduce(0) { $0 + Int($1) } : batch
  }

  /// Longest first; every other batch has only short ones.
  private func lengths(_ step: Int) -> [Int32] {
    guard hasLengths else { return [Int32](repeating: Int32(network.steps), count: batch) }
    let longest = step % 2 == 0 ? network.steps : max(1, network.steps / 2)
    return (0..<batch).map { Int32(longest - (3 * $0 + step / 2) % longest) }.sorted(by: >)
  }

  private static func wave(_ count: Int, phase: Double) -> [Float] {
    (0..<count).map { Float(sin(1.3 * Double($0) + phase)) }
  }

  /// No states yet.
  func makeStates() -> StreamStates? { isStreamed ? StreamStates(network, streams: batch) : nil }
}

extension DeviceCheck.Batch {
  func withAddresses<Value>(_ body: (DeviceModel.Batch) throws -> Value) rethrows -> Value {
    try inputs.withUnsafeBufferPointer { inputs in
      try tokens.withUnsafeBufferPointer { tokens in
        try values.withUnsafeBufferPointer { values in
          try classes.withUnsafeBufferPointer { classes in
            try withRowAddresses { samples, lengths, streams in
              var batch = DeviceModel.Batch(
                inputs: tokens.isEmpty ? inputs.baseAddress! : nil, values: values.baseAddress,
                classes: classes.baseAddress, samples: samples, count: self.samples.count)
              batch.tokens = tokens.isEmpty ? nil : tokens.baseAddress!
              batch.lengths = lengths
              batch.streams = streams
              return try body(batch)
            }
          }
        }
      }
    }
  }

  private func withRowAddresses<Value>(
    _ body: (UnsafePointer<Int32>, UnsafePointer<Int32>, UnsafePointer<Int32>) throws -> Value
  ) rethrows -> Value {
    try samples.withUnsafeBufferPointer { samples in
      try lengths.withUnsafeBufferPointer { lengths in
        try streams.withUnsafeBufferPointer { streams in
          try body(samples.baseAddress!, lengths.baseAddress!, streams.baseAddress!)
        }
      }
    }
  }
}
