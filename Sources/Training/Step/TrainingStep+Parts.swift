import Batches
import Collective
import Dataset
import Diagnostics
import Recurrent

/// What of a batch this rank computes, and in which parts.
extension TrainingStep {
  /// The rows of a batch of this size that this rank computes.
  func ownRows(of count: Int) -> Range<Int> {
    guard let lanes = lanes?.lanes else {
      return equalPart(communicator.rank, of: count, among: communicator.size)
    }
    guard let first = lanes.first, let last = lanes.last else { return 0..<0 }
    return equalPart(first, of: count, among: laneCount)
      .lowerBound..<equalPart(last, of: count, among: laneCount).upperBound
  }

  /// Whether a strict run computes the lanes of a rank as one batch and cuts only the sums over samples, which is as fast as a fast
  /// run; else each lane is a batch of its own. The same on all ranks, and for any number of them.
  func computesLanesTogether(_ samples: UnsafeBufferPointer<Int32>) -> Bool {
    guard accumulate == 1, model.cutsLanes else { return false }
    if set.shape.hasEqualLengths { return true }
    // Sorted by length, a lane's rows would not lie together.
    let length = set.length(of: Int(samples[0]))
    return samples.allSatisfy { set.length(of: Int($0)) == length }
  }

  /// The lanes of this rank as one batch.
  func computeTogether(
    _ lanes: LaneReduction, _ samples: UnsafeBufferPointer<Int32>, step: Int
  ) {
    let own = ownRows(of: samples.count)
    let parts = lanes.lanes.map { lane -> Range<Int> in
      let part = equalPart(lane, of: samples.count, among: laneCount)
      return part.lowerBound - own.lowerBound..<part.upperBound - own.lowerBound
    }
    guard !own.isEmpty else {
      for _ in lanes.lanes {
        _ = lanes.nextLane()
        lanes.finishLane()
      }
      return
    }
    model.smallestLane = equalPart(laneCount - 1, of: samples.count, among: laneCount).count
    computeMicroBatch(
      .init(rebasing: samples[own]), then: following, step: step,
      .lanes(Lanes(parts, first: lanes.lanes.lowerBound, sums: lanes)))
  }

  /// Each lane of the batch by itself.
  func computeLanes(_ lanes: LaneReduction, _ samples: UnsafeBufferPointer<Int32>, step: Int) {
    model.smallestLane = nil
    for lane in lanes.lanes {
      let part = equalPart(lane, of: samples.count, among: laneCount)
      let next =
        lane + 1 < lanes.lanes.upperBound
        ? firstMicroBatch(
          ofPart: .init(rebasing: samples[equalPart(lane + 1, of: samples.count, among: laneCount)]))
        : following
      compute(
        .init(rebasing: samples[part]), then: next, step: step, lane: lane, into: lanes.nextLane())
      lanes.finishLane()
    }
  }

  /// One part of the batch, in as many micro-batches as asked for.
  /// - then: the micro-batch that comes after this part, where it is known.
  func compute(
    _ samples: UnsafeBufferPointer<Int32>, then: UnsafeBufferPointer<Int32>?, step: Int, lane: Int,
    into gradients: UnsafeMutableBufferPointer<Float>
  ) {
    let size = microBatchSize(samples.count)
    var start = 0
    while start < samples.count {
      let end = min(start + size, samples.count)
      let next = end..<min(end + size, samples.count)
      learner.gradientSum.isLastPart = end == samples.count
      computeMicroBatch(
        .init(rebasing: samples[start..<end]), then: next.isEmpty ? then : .init(rebasing: samples[next]),
        step: step, .buffer(gradients, lane: lane))
      start = end
    }
  }

  private func microBatchSize(_ count: Int) -> Int { max(1, (count + accumulate - 1) / accumulate) }

  private func firstMicroBatch(ofPart samples: UnsafeBufferPointer<Int32>) -> UnsafeBufferPointer<Int32>? {
    samples.isEmpty ? nil : .init(rebasing: samples[..<min(microBatchSize(samples.count), samples.count)])
  }

  /// What this rank computes first of a global batch.
  func firstMicroBatch(of samples: UnsafeBufferPointer<Int32>) -> UnsafeBufferPointer<Int32>? {
    let own = ownRows(of: samples.count)
    if lanes != nil, computesLanesTogether(samples) {
      return own.isEmpty ? nil : .init(rebasing: samples[own])
    }
    guard let lanes else { return firstMicroBatch(ofPart: .init(rebasing: samples[own])) }
    guard let first = lanes.lanes.first else { return nil }
    return firstMicroBatch(
      ofPart: .init(rebasing: samples[equalPart(first, of: samples.count, among: laneCount)]))
  }

  private enum GradientDestination {
    case buffer(UnsafeMutableBufferPointer<Float>, lane: Int)
    case lanes(Lanes)
  }

  /// Forward, loss and backward of one micro-batch: adds to gradients and sums.
  private func computeMicroBatch(
    _ samples: UnsafeBufferPointer<Int32>, then: UnsafeBufferPointer<Int32>?, step: Int,
    _ target: GradientDestination
  ) {
    communicator.progress?.enter(.forward, step: step + 1)
    let begin = trace == nil ? 0 : monotonicNanoseconds()
    let batch = pipeline.next(samples, following: then)
    guard !learner.joinsLoss else {
      learner.forwardBelowLoss(batch, step: step, states: states)
      return backward(batch, target, step: step, begin: begin)
    }
    let outputs = learner.forward(batch, step: step, states: states)
    model.team.measure(.loss) {
      switch target {
      case .buffer(_, let lane):
        learner.addLoss(outputs, batch, rows: 0..<outputs.count / model.network.outputSize, to: lane)
      case .lanes(let lanes):
        for (index, sequences) in lanes.sequences.enumerated() {
          model.forEachOutputRows(of: sequences) {
            learner.addLoss(outputs, batch, rows: $0, to: lanes.first + index)
          }
        }
      }
    }
    backward(batch, target, step: step, begin: begin)
  }

  /// Backward of one micro-batch, and its loss where that is left to it.
  /// - begin: when its forward began.
  private func backward(_ batch: Batch, _ target: GradientDestination, step: Int, begin: UInt64) {
    communicator.progress?.enter(.backward, step: step + 1)
    let middle = trace == nil ? 0 : monotonicNanoseconds()
    switch (target, learner.joinsLoss) {
    case (.buffer(let gradients, _), false): learner.backward(into: gradients)
    case (.lanes(let lanes), false): learner.backward(lanes)
    case (.buffer(let gradients, let lane), true): learner.backward(batch, part: lane, into: gradients)
    case (.lanes(let lanes), true): learner.backward(batch, lanes)
    }
    trace?.add(.forward, step: step + 1, from: begin, to: middle)
    trace?.add(.backward, step: step + 1, from: middle)
  }
}

extension LaneReduction: LaneSums {}
