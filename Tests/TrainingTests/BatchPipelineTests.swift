import Batches
import Dataset
import Foundation
import Synchronization
import TestSupport
import Testing
import Training

/// A set whose samples take their time, and that knows which threads gathered.
private final class SlowSet: SampleSet {
  let count = 64
  let shape = SampleShape(steps: 2, features: 3, target: .values(width: 1))
  let microseconds: UInt32
  let elsewhere = Atomic<Int>(0)
  let here = Atomic<Int>(0)
  private let thread = Thread.current.hash

  init(microseconds: UInt32) { self.microseconds = microseconds }

  func fill(_ batch: Batch) {
    usleep(microseconds)
    if Thread.current.hash == thread {
      here.add(1, ordering: .relaxed)
    } else {
      elsewhere.add(1, ordering: .relaxed)
    }
    batch.rows.forEachRow { row, place, step in
      let sample = Float(batch.numbers[place])
      batch.values[place] = sample
      for feature in 0..<3 { batch.inputs[row * 3 + feature] = sample + Float(step * 3 + feature) / 8 }
    }
  }
}

@Suite(.tags(.fast)) struct BatchPipelineTests {
  private func check(_ batch: Batch, _ samples: [Int32]) {
    #expect(batch.count == samples.count)
    for (row, sample) in samples.enumerated() {
      #expect(batch.values[row] == Float(sample))
      #expect(batch.inputs[(samples.count + row) * 3 + 2] == Float(sample) + 5 / 8)
    }
  }

  /// Batches of uneven size, what was announced and what was not.
  private func walk(_ pipeline: BatchPipeline) {
    let all = (0..<64).map { Int32($0 * 37 % 64) }
    all.withUnsafeBufferPointer { all in
      for start in stride(from: 0, to: 64, by: 7) {
        let range = start..<min(start + 7, 64)
        let next = range.upperBound..<min(range.upperBound + 7, 64)
        let announced = start == 21 ? 0..<3 : next
        let batch = pipeline.next(
          .init(rebasing: all[range]), following: next.isEmpty ? nil : .init(rebasing: all[announced]))
        check(batch, Array(all[range]))
      }
    }
  }

  @Test func `gathers slow batches on a thread of its own`() {
    let set = SlowSet(microseconds: 300)
    do {
      let pipeline = BatchPipeline(set, capacity: 7)
      for _ in 0..<3 { walk(pipeline) }
    }
    // The first four show that it is worth it; then of ten batches in each walk the first and the one that was not announced are
    // gathered on the spot, and one is gathered for nothing.
    #expect(set.here.load(ordering: .relaxed) == 5 + 2 + 2)
    #expect(set.elsewhere.load(ordering: .relaxed) == 6 + 9 + 9)
  }

  @Test func `gathers quick batches itself`() {
    let set = SlowSet(microseconds: 0)
    let pipeline = BatchPipeline(set, capacity: 7, worthwhile: .max)
    walk(pipeline)
    #expect(set.here.load(ordering: .relaxed) == 10 && set.elsewhere.load(ordering: .relaxed) == 0)
  }

  @Test func `may go while its thread works`() {
    for _ in 0..<20 {
      let pipeline = BatchPipeline(SlowSet(microseconds: 200), capacity: 7)
      let samples: [Int32] = [1, 2, 3]
      samples.withUnsafeBufferPointer { check(pipeline.next($0, following: $0), samples) }
    }
  }
}
