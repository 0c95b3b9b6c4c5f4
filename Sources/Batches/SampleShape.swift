/// What a target is.
public enum TargetKind: Sendable, Equatable {
  /// `width` numbers, in scaled units.
  case values(width: Int)
  /// One of `count` classes.
  case classes(count: Int)
}

/// What a text is cut into.
public enum TokenKind: String, Sendable, CaseIterable {
  /// Unicode code points.
  case char
  /// The bytes of the file.
  case byte
  /// What stands between blanks, and the end of each line.
  case word
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
  /// Categories of each categorical column beside the features, the first of each for what training did not see.
  public var categories: [Int] = []
  /// Weights of a sample (of a step, where each has a target): one, or one for each horizon of its targets; 0 where all count alike.
  public var weightsPerRow = 0
  public var hasWeights: Bool { weightsPerRow > 0 }
  /// Whether there may be targets that nobody knows: values that are NaN, classes that are -1.
  public var hasUnknownTargets = false
  /// Of pairs: the steps of the longest source.
  public var sourceSteps: Int?
  /// text: what its tokens are.
  public var tokens: TokenKind?

  public init(steps: Int, features: Int, target: TargetKind) {
    self.steps = steps
    self.features = features
    self.target = target
  }

  /// Numbers per target; 0 for classes.
  public var targetWidth: Int {
    if case .values(let width) = target { width } else { 0 }
  }
}

/// Parallel streams of steps, cut into windows: sample s is window s / `count` of stream s mod `count`.
public struct Streams: Sendable, Equatable {
  /// B
  public let count: Int
  public init(count: Int) {
    precondition(count > 0)
    self.count = count
  }

  public func stream(of sample: Int) -> Int { sample % count }
  public func window(of sample: Int) -> Int { sample / count }
  public func sample(window: Int, stream: Int) -> Int { window * count + stream }
}
