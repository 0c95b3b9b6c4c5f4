/// What a sample's target is.
public enum TargetKind: Sendable, Equatable {
  /// `width` numbers, in scaled units.
  case values(width: Int)
  /// One of `count` classes.
  case classes(count: Int)
}

/// The shape all samples of a set share.
public struct SampleShape: Sendable, Equatable {
  /// Time steps (T).
  public var steps: Int
  /// Features per step (F).
  public var features: Int
  public var target: TargetKind
  public init(steps: Int, features: Int, target: TargetKind) {
    self.steps = steps
    self.features = features
    self.target = target
  }
}

/// One part of the data (train, validation or test): numbered samples that can be gathered into batches.
public protocol SampleSet: Sendable {
  var count: Int { get }
  var shape: SampleShape { get }

  /// Writes the samples with these numbers as one time-major batch of B = `samples.count`.
  /// - inputs: `[T, B, F]`, every element is written.
  /// - values: `[B, width]` for `TargetKind.values`, else not touched.
  /// - classes: `[B]` for `TargetKind.classes`, else not touched.
  /// Does not allocate; may be called from any thread.
  func gather(
    _ samples: UnsafeBufferPointer<Int32>, inputs: UnsafeMutablePointer<Float>,
    values: UnsafeMutablePointer<Float>, classes: UnsafeMutablePointer<Int32>)
}
