import CCUDA
import CUDA
import Collective
import Diagnostics
import Training

extension DeviceTraining {
  /// Whether whole steps are this rank's alone.
  private var mayLookAhead: Bool { communicator.size == 1 && accumulate == 1 && isResident }

  /// The outcome of the step on these samples, where steps may be taken ahead: several are one launch.
  func next(_ samples: UnsafeBufferPointer<Int32>, step: Int) throws -> step_outcome? {
    guard mayLookAhead, let ahead, device.stepsAtOnce > 1 else { return nil }
    if taken.isEmpty { taken = try take(samples, ahead, step: step)[...] }
    return taken.removeFirst()
  }

  private func take(_ samples: UnsafeBufferPointer<Int32>, _ ahead: StepsAhead, step: Int) throws
    -> [step_outcome]
  {
    let start = samples.baseAddress! - ahead.samples.baseAddress!
    // The epoch's last batch may be a smaller one: it comes alone.
    let full = (ahead.samples.count - start) / ahead.batch
    let count = samples.count == ahead.batch ? max(1, min(device.stepsAtOnce, full)) : 1
    let controls = (0..<count).map { index in
      control(
        step: step + index, learningRate: ahead.rate(optimizer.steps + index), later: index)
    }
    let batches = UnsafeBufferPointer(start: samples.baseAddress!, count: count * samples.count)
    let begin = monotonicNanoseconds()
    let outcomes = try device.steps(batches, controls)
    stepNanoseconds = (monotonicNanoseconds() - begin) / UInt64(outcomes.count)
    return outcomes
  }
}
