/// The samples of one step: inputs, targets, and how their rows lie.
///
/// It owns memory for `capacity` samples of one shape, taken once, and is filled again and again: a set of samples fills it, an engine
/// borrows it. In memory samples of different length stand longest first (`rows`); whoever asks by sample, in the order asked for,
/// need not know (`inOrder`).
public final class Batch {
  public private(set) var shape: SampleShape
  /// The most samples it holds.
  public let capacity: Int
  /// Of inputs, and of targets where each step has one.
  public private(set) var rows: BatchRows
  /// Of pairs: the sources, in order of their own lengths. Those were asked for in the order that the targets lie in.
  public let source: Batch?

  /// `[rows, F]`; empty for tokens.
  package let inputs: UnsafeMutableBufferPointer<Float>
  /// `[rows]`, where inputs are tokens.
  package let tokens: UnsafeMutablePointer<Int32>?
  /// `[B, width]`, or `[rows, width]` with a target per step, for `TargetKind.values`; NaN where nobody knows it.
  package private(set) var values: UnsafeMutablePointer<Float>
  /// `[B]`, or `[rows]` with a target per step, for `TargetKind.classes`; -1 where nobody knows it.
  package private(set) var classes: UnsafeMutablePointer<Int32>
  /// `[rows, C]`, the code of each categorical column; nil where there is none.
  package let categories: UnsafeMutablePointer<Int32>?
  /// How much each row of targets counts in a loss and its metrics; nil where all count alike.
  package private(set) var weights: UnsafeMutablePointer<Float>?
  /// `[B]`, the numbers of the samples as they lie.
  package let numbers: UnsafeMutablePointer<Int32>
  /// `[B]`, their steps, none more than the one before.
  package let lengths: UnsafeMutablePointer<Int32>
  /// `[B]`: for each sample as it was asked for, its row here; what PyTorch's `PackedSequence.unsorted_indices` says.
  package let unsortedIndices: UnsafeMutablePointer<Int32>
  /// `[B]`, the stream of each sample; nil for samples that stand alone.
  package private(set) var streams: UnsafeMutablePointer<Int32>?
  private let streamMemory: UnsafeMutablePointer<Int32>
  /// Samples of each length, then where the next one goes.
  private let slots: UnsafeMutableBufferPointer<Int32>
  private let offsets = OffsetTable()

  /// Without samples.
  public init(_ shape: SampleShape, capacity: Int) {
    self.shape = shape
    self.capacity = capacity
    rows = BatchRows(steps: shape.steps, batch: 0)
    inputs = .allocate(capacity: shape.vocabulary == nil ? capacity * shape.steps * shape.features : 0)
    tokens = shape.vocabulary.map { _ in .allocate(capacity: capacity * shape.steps) }
    categories =
      shape.categories.isEmpty
      ? nil : .allocate(capacity: capacity * shape.steps * shape.categories.count)
    (values, classes) = shape.targetMemory(capacity: capacity)
    weights = shape.weightMemory(capacity: capacity)
    numbers = .allocate(capacity: capacity)
    lengths = .allocate(capacity: capacity)
    unsortedIndices = .allocate(capacity: capacity)
    streamMemory = .allocate(capacity: capacity)
    slots = .allocate(capacity: shape.steps + 1)
    source = shape.sourceSteps.map { Batch(.tokens(steps: $0), capacity: capacity) }
  }

  deinit {
    inputs.deallocate()
    tokens?.deallocate()
    categories?.deallocate()
    values.deallocate()
    classes.deallocate()
    weights?.deallocate()
    numbers.deallocate()
    lengths.deallocate()
    unsortedIndices.deallocate()
    streamMemory.deallocate()
    slots.deallocate()
  }

  /// B
  public var count: Int { rows.batch }
  /// Rows of targets: one for each sample, or for each step of each.
  public var targetRows: Int { shape.hasTargetPerStep ? rows.count : count }

  /// Says which samples it has from now on, and puts those of different length in order, longest first; equal ones stay in the order asked
  /// for. What their inputs and targets are is written next, row by row.
  /// - streams: whose windows the samples are; nil for samples that stand alone.
  /// - length: the steps of a sample, by its number; not asked where the shape says that all are equal.
  package func arrange(
    _ samples: UnsafeBufferPointer<Int32>, streams: Streams? = nil, length: (_ sample: Int) -> Int
  ) {
    arrange(samples) { length(Int(samples[$0])) }
    guard let streams else { return }
    for place in 0..<count { streamMemory[place] = Int32(streams.stream(of: Int(numbers[place]))) }
    self.streams = streamMemory
  }

  /// - length: by the place in `samples`.
  private func arrange(_ samples: UnsafeBufferPointer<Int32>, length: (_ asked: Int) -> Int) {
    precondition(samples.count <= capacity, "the batch holds \(capacity) samples, not \(samples.count)")
    streams = nil
    if shape.hasEqualLengths {
      for (asked, sample) in samples.enumerated() { put(sample, asked: asked, at: asked, shape.steps) }
      rows = BatchRows(steps: shape.steps, batch: samples.count)
      return
    }
    slots.update(repeating: 0)
    for asked in samples.indices { slots[length(asked)] += 1 }
    var next: Int32 = 0
    for length in slots.indices.reversed() { (slots[length], next) = (next, next + slots[length]) }
    for (asked, sample) in samples.enumerated() {
      let length = length(asked)
      precondition(length > 0, "sample \(sample) has no steps")
      put(sample, asked: asked, at: Int(slots[length]), length)
      slots[length] += 1
    }
    rows = BatchRows(lengths: lengths, batch: samples.count, table: offsets)
  }

  private func put(_ sample: Int32, asked: Int, at place: Int, _ length: Int) {
    (numbers[place], lengths[place], unsortedIndices[asked]) = (sample, Int32(length), Int32(place))
  }

  /// The rows of each sample as it was asked for, one after the other: where its targets and outputs lie.
  public func forEachTargetRowInOrder(_ body: (_ row: Int) -> Void) {
    forEachOutputRowInOrder(perStep: shape.hasTargetPerStep, body)
  }

  /// The same of outputs.
  /// - perStep: whether there is one for each step.
  package func forEachOutputRowInOrder(perStep: Bool, _ body: (_ row: Int) -> Void) {
    for asked in 0..<count {
      let place = Int(unsortedIndices[asked])
      for step in 0..<(perStep ? rows.length(place) : 1) { body(rows.start(step) + place) }
    }
  }

  /// Where the output of a sample lies among the rows that a network gives: of networks that read out every step at `step`, of others
  /// at step 0.
  /// - sample: by the order asked for; it must be in the batch, and have the step.
  public func outputRow(of sample: Int, step: Int = 0) -> Int {
    precondition((0..<count).contains(sample), "sample \(sample) is not in 0..<\(count)")
    let place = Int(unsortedIndices[sample])
    precondition((0..<rows.length(place)).contains(step), "sample \(sample) has no step \(step)")
    return rows.start(step) + place
  }

  /// The number of the sample that a row of targets belongs to.
  package func sample(ofTargetRow row: Int) -> Int {
    guard shape.hasTargetPerStep else { return Int(numbers[row]) }
    guard !rows.isUniform else { return Int(numbers[row % count]) }
    var step = 0
    while rows.start(step + 1) <= row { step += 1 }
    return Int(numbers[row - rows.start(step)])
  }

  /// Rows of targets or outputs, sample after sample in the order asked for.
  /// - values: `[targetRows, width]`, as they lie.
  package func inOrder<Value>(_ values: UnsafePointer<Value>, width: Int) -> [Value] {
    var result: [Value] = []
    result.reserveCapacity(targetRows * width)
    forEachTargetRowInOrder { result += UnsafeBufferPointer(start: values + $0 * width, count: width) }
    return result
  }
}

extension Batch {
  /// Of samples numbered from 0, or as given.
  convenience init(
    lengths: [Int32], features: Int = 1, vocabulary: Int? = nil, categories: [Int] = [],
    samples: [Int32]? = nil
  ) {
    var shape = SampleShape(
      steps: lengths.max().map { Int($0) } ?? 0, features: features, target: .values(width: 0))
    shape.hasEqualLengths = Set(lengths).count < 2
    (shape.vocabulary, shape.categories) = (vocabulary, categories)
    self.init(shape, capacity: lengths.count)
    (samples ?? (0..<Int32(lengths.count)).map { $0 }).withUnsafeBufferPointer {
      arrange($0) { asked in Int(lengths[asked]) }
    }
  }

  /// Memory for targets of another kind; what they are is written next.
  /// - unknown: whether nobody knows some of them.
  func setTargets(_ target: TargetKind, perStep: Bool, unknown: Bool) {
    (shape.target, shape.hasTargetPerStep, shape.hasUnknownTargets) = (target, perStep, unknown)
    shape.weightsPerRow = 0
    values.deallocate()
    classes.deallocate()
    weights?.deallocate()
    (values, classes) = shape.targetMemory(capacity: capacity)
    weights = shape.weightMemory(capacity: capacity)
  }

  /// Memory for weights, which are written next.
  func makeWeights() -> UnsafeMutablePointer<Float> {
    shape.weightsPerRow = 1
    weights?.deallocate()
    weights = shape.weightMemory(capacity: capacity)
    return weights!
  }

  /// `[B]`, as the samples lie: for streams that are not numbered by the samples.
  package func setStreams(_ streams: [Int32]) {
    precondition(streams.count == count)
    streamMemory.update(from: streams, count: count)
    self.streams = streamMemory
  }
}

extension SampleShape {
  fileprivate func targetMemory(capacity: Int) -> (UnsafeMutablePointer<Float>, UnsafeMutablePointer<Int32>) {
    let targets = capacity * (hasTargetPerStep ? steps : 1)
    return (.allocate(capacity: targets * targetWidth), .allocate(capacity: targets))
  }

  fileprivate func weightMemory(capacity: Int) -> UnsafeMutablePointer<Float>? {
    hasWeights ? .allocate(capacity: capacity * (hasTargetPerStep ? steps : 1) * weightsPerRow) : nil
  }

  /// Of the sources of pairs.
  fileprivate static func tokens(steps: Int) -> SampleShape {
    var shape = SampleShape(steps: steps, features: 1, target: .values(width: 0))
    shape.hasEqualLengths = false
    shape.vocabulary = .max
    return shape
  }
}
