import Dataset
import Recurrent

/// The numbers of the samples of one epoch, in the order in which it takes them.
final class EpochSamples {
  private let order: EpochOrder
  private let numbers: UnsafeMutableBufferPointer<Int32>
  /// How far reading ahead has come in the epoch.
  private var ahead = 0

  init(_ recipe: Recipe, _ set: any SampleSet) {
    order = EpochOrder(
      count: set.count, seed: recipe.seed, shuffle: recipe.train.shuffle && set.streams == nil,
      block: recipe.data.shuffleBlock, buckets: recipe.train.buckets(set))
    numbers = .allocate(capacity: set.count)
    numbers.initialize(repeating: 0)
  }

  deinit { numbers.deallocate() }

  /// - epoch: from 0.
  func draw(epoch: Int) {
    order.write(epoch: epoch, into: numbers)
    ahead = 0
  }

  /// Calls `body` with the batches that begin within `reach` samples after this one, the next one in any case, and with which it was not
  /// called in this epoch; at first with this one too.
  func forEachComing(
    after batch: Range<Int>, size: Int, reach: Int, _ body: (UnsafeBufferPointer<Int32>) -> Void
  ) {
    if ahead < batch.lowerBound || ahead > numbers.count { ahead = batch.lowerBound }
    while ahead < numbers.count, ahead <= batch.upperBound + reach {
      let end = min(ahead + size, numbers.count)
      body(UnsafeBufferPointer(rebasing: numbers[ahead..<end]))
      ahead = end
    }
  }

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
