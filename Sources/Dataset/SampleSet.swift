import Batches
import Diagnostics

/// One part of the data (train, validation or test): numbered samples that batches are filled with.
///
/// `LoadedData` has such parts, `Evaluator` takes them, and a program's own loop makes batches of them by `batch(_:)`. What a program has of its
/// own becomes a `Batch` without one.
public protocol SampleSet: Sendable {
  var count: Int { get }
  var shape: SampleShape { get }
  /// Whose windows the samples are; nil for samples that stand alone.
  var streams: Streams? { get }
  var kind: SampleKind { get }

  /// The steps of a sample, at least 1.
  func length(of sample: Int) -> Int

  /// What the targets of a sample count from, in the units of the file, one for each column; nil where they are no changes.
  func targetBase(of sample: Int) -> [Double]?

  /// How the targets of a sample were scaled, where each series has a scale of its own; nil for the scaler's own.
  func targetScale(of sample: Int) -> [Scaler.ColumnScale]?

  /// What went wrong with reading samples that stay in their files: what batches were filled with since is of no use.
  var readingFailure: Failure? { get }

  /// How many samples after those in use are worth reading before they are wanted; nil for what memory holds.
  var samplesAhead: Int? { get }

  /// Has the samples of these numbers read, which are wanted soon. Returns at once.
  func readAhead(_ samples: [Int32])

  /// Writes inputs and targets of the samples that the batch has been arranged for, row by row; of pairs the batch's source too.
  ///
  /// Does not allocate, unless samples stay in their files; may be called from any thread.
  func fill(_ batch: Batch)
}

/// What samples are to each other.
public enum SampleKind {
  /// Each stands alone.
  case alone
  case windows(any StreamedSet)
  case pairs(any PairedSet)
}

extension SampleSet {
  public var streams: Streams? { nil }
  public var kind: SampleKind { .alone }
  public func length(of sample: Int) -> Int { shape.steps }
  public func targetBase(of sample: Int) -> [Double]? { nil }
  public func targetScale(of sample: Int) -> [Scaler.ColumnScale]? { nil }
  public var readingFailure: Failure? { nil }
  public var samplesAhead: Int? { nil }
  public func readAhead(_ samples: [Int32]) {}

  /// Fills a batch with the samples of these numbers.
  package func gather(_ samples: UnsafeBufferPointer<Int32>, into batch: Batch) {
    for sample in samples {
      precondition(sample >= 0 && Int(sample) < count, "sample \(sample) is not in 0..<\(count)")
    }
    batch.arrange(samples, streams: streams) { length(of: $0) }
    fill(batch)
  }

  public func gather(_ samples: [Int32], into batch: Batch) {
    samples.withUnsafeBufferPointer { gather($0, into: batch) }
  }

  /// A batch of the samples of these numbers.
  public func batch(_ samples: [Int32]) -> Batch {
    let batch = Batch(shape, capacity: samples.count)
    gather(samples, into: batch)
    return batch
  }

  /// Windows of streams, if that is what the samples are.
  public var windows: (any StreamedSet)? {
    if case .windows(let set) = kind { set } else { nil }
  }
  public var pairs: (any PairedSet)? {
    if case .pairs(let set) = kind { set } else { nil }
  }
}
