import Dataset
import Recurrent

/// The numbers of the samples of one epoch, in the order in which it takes them.
final class EpochSamples {
  private let order: EpochOrder
  private let numbers: UnsafeMutableBufferPointer<Int32>

  init(_ recipe: Recipe, _ set: any SampleSet) {
    order = EpochOrder(
      count: set.count, seed: recipe.seed, shuffle: recipe.train.shuffle && set.streams == nil,
      block: recipe.data.shuffleBlock, buckets: recipe.train.buckets(set))
    numbers = .allocate(capacity: set.count)
    numbers.initialize(repeating: 0)
  }

  deinit { numbers.deallocate() }

  /// - epoch: from 0.
  func draw(epoch: Int) { order.write(epoch: epoch, into: numbers) }

  /// All of the epoch; valid as long as this object is.
  var all: UnsafeBufferPointer<Int32> { UnsafeBufferPointer(numbers) }

  /// A batch of them; nil for an empty one.
  func batch(_ range: Range<Int>) -> UnsafeBufferPointer<Int32>? {
    range.isEmpty ? nil : UnsafeBufferPointer(rebasing: numbers[range])
  }
}

extension TrainSpecification {
  fileprivate func buckets(_ set: any SampleSet) -> LengthBuckets? {
    guard bucketBatches > 1, !set.shape.hasEqualLengths else { return nil }
    return LengthBuckets(
      batchSize: batchSize, batches: bucketBatches,
      lengths: (0..<set.count).map { Int32(set.length(of: $0)) })
  }
}
