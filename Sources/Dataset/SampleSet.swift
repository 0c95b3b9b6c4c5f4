/// What a target is.
public enum TargetKind: Sendable, Equatable {
  /// `width` numbers, in scaled units.
  case values(width: Int)
  /// One of `count` classes.
  case classes(count: Int)
}

/// The shape all samples of a set share.
public struct SampleShape: Sendable, Equatable {
  /// Time steps (T); where lengths differ, those of the longest sample.
  public var steps: Int
  /// Features per step (F).
  public var features: Int
  public var target: TargetKind
  /// Whether every sample has `steps` steps.
  public var hasEqualLengths = true
  /// Whether each step has a target, rather than each sample.
  public var hasTargetPerStep = false
  /// Tokens that an input may be, each step being one; nil for numbers.
  public var vocabulary: Int?
  /// text: what its tokens are.
  public var tokens: DataSpecification.Tokens?

  public init(steps: Int, features: Int, target: TargetKind) {
    self.steps = steps
    self.features = features
    self.target = target
  }
}

/// Where a batch is written. What a set has nothing for is not touched.
public struct BatchMemory {
  /// `[T, B, F]`
  public var inputs: UnsafeMutablePointer<Float>
  /// `[T, B]`, where inputs are tokens.
  public var tokens: UnsafeMutablePointer<Int32>?
  /// `[B, width]`, or `[T, B, width]` with a target per step, for `TargetKind.values`.
  public var values: UnsafeMutablePointer<Float>
  /// `[B]`, or `[T, B]` with a target per step, for `TargetKind.classes`.
  public var classes: UnsafeMutablePointer<Int32>

  public init(
    inputs: UnsafeMutablePointer<Float>, tokens: UnsafeMutablePointer<Int32>? = nil,
    values: UnsafeMutablePointer<Float>,
    classes: UnsafeMutablePointer<Int32>
  ) {
    self.inputs = inputs
    self.tokens = tokens
    self.values = values
    self.classes = classes
  }
}

/// One part of the data (train, validation or test): numbered samples that can be gathered into batches.
public protocol SampleSet: Sendable {
  var count: Int { get }
  var shape: SampleShape { get }

  /// The steps of a sample, at least 1.
  func length(of sample: Int) -> Int

  /// Writes the samples with these numbers as one time-major batch of B = `samples.count`.
  ///
  /// Where their lengths differ they must come longest first: of step t there are then only the samples longer than t, and "[T, B]"
  /// stands for these rows, one step after the other, as in PyTorch's `PackedSequence`. Every element is written.
  /// Does not allocate; may be called from any thread.
  func gather(_ samples: UnsafeBufferPointer<Int32>, into memory: BatchMemory)
}

extension SampleSet {
  public func length(of sample: Int) -> Int { shape.steps }

  /// The same with the parts of a batch one by one.
  public func gather(
    _ samples: UnsafeBufferPointer<Int32>, inputs: UnsafeMutablePointer<Float>,
    values: UnsafeMutablePointer<Float>, classes: UnsafeMutablePointer<Int32>
  ) {
    gather(samples, into: BatchMemory(inputs: inputs, values: values, classes: classes))
  }
}
