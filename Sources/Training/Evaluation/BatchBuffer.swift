import Dataset
import Recurrent

/// Memory for one batch of samples, taken once for the largest.
///
/// Samples of different length are put in order of length, longest first, as `gather` and `Model` want them.
package final class BatchBuffer {
  private let set: any SampleSet
  let capacity: Int
  private let memory: BatchMemory
  /// The numbers of the batch's samples, row by row, and where each stood in the batch that was asked for.
  private let numbers: UnsafeMutablePointer<Int32>
  private let places: UnsafeMutablePointer<Int32>
  private let lengths: UnsafeMutablePointer<Int32>
  private let streams: UnsafeMutablePointer<Int32>
  /// Samples of each length, then where the next one goes.
  private let slots: UnsafeMutableBufferPointer<Int32>
  private let sources: SourceBuffer?
  package private(set) var count = 0

  init(_ set: any SampleSet, capacity: Int) {
    self.set = set
    self.capacity = capacity
    let shape = set.shape
    let targets = capacity * (shape.hasTargetPerStep ? shape.steps : 1)
    memory = BatchMemory(
      inputs: .allocate(capacity: capacity * shape.steps * shape.features),
      tokens: shape.vocabulary.map { _ in .allocate(capacity: capacity * shape.steps) },
      values: .allocate(capacity: targets * shape.targetWidth), classes: .allocate(capacity: targets))
    numbers = .allocate(capacity: capacity)
    places = .allocate(capacity: capacity)
    lengths = .allocate(capacity: capacity)
    streams = .allocate(capacity: capacity)
    slots = .allocate(capacity: shape.steps + 1)
    sources = (set as? any PairedSet).map { SourceBuffer($0, capacity: capacity) }
  }

  deinit {
    memory.inputs.deallocate()
    memory.tokens?.deallocate()
    memory.values.deallocate()
    memory.classes.deallocate()
    numbers.deallocate()
    places.deallocate()
    lengths.deallocate()
    streams.deallocate()
    slots.deallocate()
  }

  package var inputs: UnsafeMutablePointer<Float> { memory.inputs }
  var tokens: UnsafeMutablePointer<Int32>? { memory.tokens }
  /// Of pairs.
  var source: Model.Source? { sources?.source }
  package var values: UnsafeMutablePointer<Float> { memory.values }
  package var classes: UnsafeMutablePointer<Int32> { memory.classes }

  func gather(_ samples: UnsafeBufferPointer<Int32>) {
    precondition(samples.count <= capacity)
    count = samples.count
    if set.shape.hasEqualLengths {
      for row in 0..<count {
        (numbers[row], places[row]) = (samples[row], Int32(row))
        lengths[row] = Int32(set.shape.steps)
      }
    } else {
      sort(samples)
    }
    let rows = UnsafeBufferPointer(start: numbers, count: count)
    set.gather(rows, into: memory)
    sources?.gather(rows)
  }

  /// By length, longest first; equal ones stay in order.
  private func sort(_ samples: UnsafeBufferPointer<Int32>) {
    slots.update(repeating: 0)
    for sample in samples { slots[set.length(of: Int(sample))] += 1 }
    var next: Int32 = 0
    for length in slots.indices.reversed() {
      (slots[length], next) = (next, next + slots[length])
    }
    for (place, sample) in samples.enumerated() {
      let length = set.length(of: Int(sample))
      let row = Int(slots[length])
      slots[length] += 1
      (numbers[row], places[row], lengths[row]) = (sample, Int32(place), Int32(length))
    }
  }

  /// Puts rows of the batch, one for each sample or one for each step of each, in the order of the samples asked for, those of one
  /// sample together.
  /// - from: `[rows, width]`
  func restore<Value>(_ from: UnsafePointer<Value>, perStep: Bool, width: Int) -> [Value] {
    var rows = [[Int]](repeating: [], count: count)
    if perStep {
      forEachRow { row, index in rows[Int(places[index])].append(row) }
    } else {
      for row in 0..<count { rows[Int(places[row])] = [row] }
    }
    return rows.joined().flatMap { UnsafeBufferPointer(start: from + $0 * width, count: width) }
  }
}

extension BatchBuffer {
  /// Each step of each sample as it lies: the row, and which of the batch's sequences it belongs to.
  private func forEachRow(_ body: (_ row: Int, _ index: Int) -> Void) {
    var (at, active, step) = (0, count, 0)
    while active > 0 {
      for index in 0..<active { body(at + index, index) }
      (at, step) = (at + active, step + 1)
      while active > 0, lengths[active - 1] <= step { active -= 1 }
    }
  }

  /// Steps of all samples together.
  var stepCount: Int { (0..<count).reduce(0) { $0 + Int(lengths[$1]) } }

  func forEachStep(_ body: (_ row: Int, _ sample: Int) -> Void) {
    forEachRow { row, index in body(row, Int(numbers[index])) }
  }
}

extension Model {
  /// The output for a gathered batch, whose memory must stay until `backward` returns.
  /// - states: where the streams stand that the samples are windows of; nil for samples that stand alone.
  func forward(_ batch: BatchBuffer, mode: Mode, states: StreamStates? = nil)
    -> UnsafeMutableBufferPointer<Float>
  {
    let carried = states.map { Carried(states: $0, streams: batch.rowStreams(of: $0.streams)) }
    if let tokens = batch.tokens, let source = batch.source {
      return forward(
        source: source, tokens: tokens, samples: batch.rowNumbers, lengths: batch.rowLengths,
        batch: batch.count, mode: mode)
    }
    if let tokens = batch.tokens {
      return forward(
        tokens: tokens, samples: batch.rowNumbers, lengths: batch.rowLengths, batch: batch.count, mode: mode,
        carried: carried)
    }
    return forward(
      inputs: batch.inputs, samples: batch.rowNumbers, lengths: batch.rowLengths, batch: batch.count,
      mode: mode, carried: carried)
  }
}

extension BatchBuffer {
  /// `[B]`, for the rows as they lie.
  var rowNumbers: UnsafePointer<Int32> { UnsafePointer(numbers) }
  var rowLengths: UnsafePointer<Int32> { UnsafePointer(lengths) }
  func rowStreams(of count: Int) -> UnsafePointer<Int32> {
    for row in 0..<self.count { streams[row] = numbers[row] % Int32(count) }
    return UnsafePointer(streams)
  }
}

extension SampleShape {
  /// Numbers per target; 0 for classes.
  var targetWidth: Int {
    if case .values(let width) = target { width } else { 0 }
  }
}
