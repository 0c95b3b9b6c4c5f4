import Batches
import TestSupport
import Testing

@Suite("A batch", .tags(.fast)) struct BatchTests {
  private static let sequences: [[Float]] = [
    [1, 10, 2, 20], [3, 30, 4, 40, 5, 50], [6, 60], [7, 70, 8, 80],
  ]

  @Test func `puts the longest first, step by step, without padding`() throws {
    let batch = try Batch(Self.sequences, features: 2)
    #expect(batch.count == 4 && batch.rows.count == 8 && !batch.rows.isUniform)
    #expect(BatchArrays(batch).inputs == [3, 30, 1, 10, 7, 70, 6, 60, 4, 40, 2, 20, 8, 80, 5, 50])
    #expect((0..<4).map { batch.rows.length($0) } == [3, 2, 2, 1])
    #expect((0..<4).map { batch.rows.end($0) } == [7, 5, 6, 3])
    #expect((0..<3).map { batch.rows.active($0) } == [4, 3, 1])
    var walked: [[Int]] = []
    batch.rows.forEachRow { walked.append([$0, $1, $2]) }
    #expect(walked.map { $0[0] } == Array(0..<8))
    #expect(
      walked.map { $0[1] } == [0, 1, 2, 3, 0, 1, 2, 0] && walked.map { $0[2] } == [0, 0, 0, 0, 1, 1, 1, 2])
  }

  @Test func `keeps samples of one length as they come`() throws {
    let batch = try Batch([[1, 2], [3, 4], [5, 6]], vocabulary: 9)
    #expect(batch.rows.isUniform && BatchArrays(batch).tokens == [1, 3, 5, 2, 4, 6])
    let made = try Batch(steps: 2, samples: 3, features: 2) { t, b, f in Float(100 * t + 10 * b + f) }
    #expect(BatchArrays(made).inputs == [0, 1, 10, 11, 20, 21, 100, 101, 110, 111, 120, 121])
  }

  @Test func `takes targets and gives rows back in the order asked for`() throws {
    let batch = try Batch(Self.sequences, features: 2).targets([1, 2, 3, 4, 5, 6, 7, 8], width: 2)
    #expect(BatchArrays(batch).values == [3, 4, 1, 2, 7, 8, 5, 6])
    #expect(batch.inOrder(batch.values, width: 2) == [1, 2, 3, 4, 5, 6, 7, 8])
    let classes = try Batch(Self.sequences, features: 2).targets(classes: [4, 3, 2, 1], of: 5)
    #expect(BatchArrays(classes).classes == [3, 4, 1, 2])
    #expect(classes.inOrder(classes.classes, width: 1) == [4, 3, 2, 1])
  }

  @Test func `has targets for each step`() throws {
    let numbers = (1...8).map { Float($0) }
    let batch = try Batch(Self.sequences, features: 2).targetsPerStep(numbers)
    // 1 2 | 3 4 5 | 6 | 7 8 by sample.
    #expect(BatchArrays(batch).values == [3, 1, 7, 6, 4, 2, 8, 5] && batch.targetRows == 8)
    #expect(batch.inOrder(batch.values, width: 1) == numbers)
    let classes = try Batch(Self.sequences, features: 2).targetsPerStep(
      classes: (1...8).map { Int32($0) }, of: 9)
    #expect(BatchArrays(classes).classes == [3, 1, 7, 6, 4, 2, 8, 5])
  }

  @Test func `is filled again and again`() {
    var shape = SampleShape(steps: 9, features: 1, target: .values(width: 0))
    shape.hasEqualLengths = false
    let batch = Batch(shape, capacity: 12)
    var random = SplitMix(state: 5)
    for _ in 0..<200 {
      let samples = (0..<Int.random(in: 0...12, using: &random)).map { _ in
        Int32.random(in: 0..<40, using: &random)
      }
      let lengths = (0..<40).map { _ in Int.random(in: 1...9, using: &random) }
      let streams = Bool.random(using: &random) ? Streams(count: 7) : nil
      samples.withUnsafeBufferPointer { batch.arrange($0, streams: streams) { lengths[$0] } }
      let order = samples.indices.sorted {
        (lengths[Int(samples[$1])], $0) < (lengths[Int(samples[$0])], $1)
      }
      #expect(batch.count == samples.count)
      for (place, asked) in order.enumerated() {
        #expect(batch.numbers[place] == samples[asked] && batch.unsortedIndices[asked] == Int32(place))
        #expect(batch.rows.length(place) == lengths[Int(samples[asked])])
        #expect(batch.streams.map { $0[place] } == streams.map { _ in samples[asked] % 7 })
      }
      #expect(batch.rows.count == samples.reduce(0) { $0 + lengths[Int($1)] })
      let parts = (0..<3).map { batch.rows.part(of: $0, among: 3) }
      #expect(parts[0].lowerBound == 0 && parts[2].upperBound == samples.count)
      #expect(parts[0].upperBound == parts[1].lowerBound && parts[1].upperBound == parts[2].lowerBound)
    }
  }

  @Test func `windows of streams are numbered window by window`() {
    let streams = Streams(count: 4)
    for sample in 0..<20 {
      let (window, stream) = (streams.window(of: sample), streams.stream(of: sample))
      #expect(streams.sample(window: window, stream: stream) == sample && (0..<4).contains(stream))
    }
  }
}
