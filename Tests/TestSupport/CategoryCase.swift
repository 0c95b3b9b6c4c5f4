import Batches
import Recurrent

/// A network that reads numbers and categories, and what PyTorch makes of it: categories.json.
package struct CategoryCase: Decodable, Sendable, CustomStringConvertible {
  package let architecture: Reference.NetworkDescription
  package let sizes, widths: [Int]
  package let lengths: [Int]
  package let seed: UInt64
  package let fingerprint: String
  /// Sample after sample; `unseen` where every third step of the last column is not known.
  package let output, unseen: Reference.Floats
  /// Of the mean square; the parameters after a step of Adam.
  package let gradient, stepped: Reference.Floats

  package var network: Network {
    var a = architecture.network
    a.categories = zip(sizes, widths).map { .init(vocabulary: $0, width: $1) }
    return a
  }
  package var description: String { "\(architecture), \(sizes) → \(widths), \(lengths)" }

  /// - part: the samples of one rank; nil for all.
  /// - unseen: whether the last column's category is not known at every third step.
  package func batch(_ part: Range<Int>? = nil, unseen: Bool = false) throws -> Batch {
    let part = part ?? lengths.indices
    let (numbers, columns) = (network.inputSize, sizes.count)
    let index = Double(seed - 14000)
    let sequences = part.map { sample in
      Reference.wave(lengths[sample] * numbers, phase: 0.7 * Double(sample) + index)
    }
    let codes = part.map { sample in
      (0..<lengths[sample] * columns).map { i -> Int32 in
        let (k, c) = (i / columns, i % columns)
        if unseen, c == columns - 1, k % 3 == 0 { return 0 }
        return Int32(1 + (5 * k + k * k + 7 * sample + 3 * c) % (sizes[c] - 1))
      }
    }
    let batch = try Batch(sequences, features: numbers, codes: codes, categories: sizes)
    let targets = part.flatMap { sample in
      Reference.wave((network.readsEveryStep ? lengths[sample] : 1) * 2, phase: 0.3 * Double(sample) + 0.5)
    }
    return try network.readsEveryStep
      ? batch.targetsPerStep(targets, width: 2) : batch.targets(targets, width: 2)
  }
}
