import Batches
import CUDA
import Recurrent
import Training

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The made-up batches.
extension DeviceCheck {
  func batch(_ step: Int) -> Batch {
    let lengths = lengths(step)
    let samples = (0..<Int32(batch)).map { 11 + 3 * $0 }
    let streams = isStreamed ? (0..<batch).map { Int32(($0 + step) % batch) } : nil
    let inputs = lengths.reduce(0) { $0 + Int($1) }
    let made: Batch
    if let vocabulary = network.embedding?.vocabulary {
      let tokens = (0..<inputs).map { Int32(($0 * $0 + 3 * $0 / 2 + step) % vocabulary) }
      made = Batch(
        timeMajor: tokens, vocabulary: vocabulary, lengths: lengths, samples: samples, streams: streams)
    } else {
      let numbers = Self.wave(inputs * network.inputSize, phase: 0.7 * Double(step))
      made = Batch(
        timeMajor: numbers, features: network.inputSize, lengths: lengths, samples: samples, streams: streams)
    }
    let (rows, width, perStep) = (rows(lengths), network.outputSize, network.readsEveryStep)
    if loss.takesClasses {
      let classes = (0..<rows).map { Int32((5 * $0 + $0 * $0 + step) % width) }
      return made.timeMajorTargets(classes: classes, of: width, perStep: perStep)
    }
    let values = Self.wave(rows * width, phase: 0.3 + 0.5 * Double(step))
    return made.timeMajorTargets(
      loss == .bceWithLogits ? values.map { $0 * 0.5 + 0.5 } : values, width: width, perStep: perStep)
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
