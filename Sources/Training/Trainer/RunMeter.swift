import Collective
import Diagnostics

/// Time and speed of a run. Evaluation and saving count as time, not as steps.
struct RunMeter {
  let totalSamples: Int
  private var begin: UInt64 = 0
  private var last: UInt64 = 0
  private var epochBegin: UInt64 = 0
  private var epochSamples = 0
  /// Samples trained on and nanoseconds in steps, in this process.
  private(set) var samples = 0
  private var stepTime: UInt64 = 0

  init(totalSamples: Int) { self.totalSamples = totalSamples }

  mutating func start() {
    begin = monotonicNanoseconds()
    last = begin
  }

  mutating func startEpoch() {
    epochBegin = monotonicNanoseconds()
    last = epochBegin
    epochSamples = 0
  }

  /// - Returns: nanoseconds of the step.
  mutating func stepEnded(samples count: Int) -> UInt64 {
    let now = monotonicNanoseconds()
    defer { last = now }
    samples += count
    epochSamples += count
    stepTime += now - last
    return now - last
  }

  /// What another rank may know of it.
  struct Speed: Codable {
    var epochNanoseconds: UInt64
    var epochSamples: Int
    var samples: Int
    var stepTime: UInt64
  }

  var speed: Speed {
    Speed(
      epochNanoseconds: last - epochBegin, epochSamples: epochSamples, samples: samples, stepTime: stepTime)
  }

  /// Takes over the steps of a rank that has a clock of its own.
  mutating func adopt(_ other: Speed) {
    last = monotonicNanoseconds()
    epochBegin = last - other.epochNanoseconds
    (epochSamples, samples, stepTime) = (other.epochSamples, other.samples, other.stepTime)
  }

  /// Leaves out what happened since the last step.
  mutating func resume() { last = monotonicNanoseconds() }

  /// When the last step ended.
  var now: UInt64 { last }
  /// From a time to the end of the last step; 0 where it was before.
  func nanoseconds(since time: UInt64) -> UInt64 { last > time ? last - time : 0 }
  var seconds: Double { Double(monotonicNanoseconds() - begin) / 1e9 }
  var epochSeconds: Double { Double(last - epochBegin) / 1e9 }
  var epochSamplesPerSecond: Double { epochSeconds > 0 ? Double(epochSamples) / epochSeconds : 0 }
  var samplesPerSecond: Double { stepTime > 0 ? Double(samples) / (Double(stepTime) / 1e9) : 0 }

  /// Seconds until `left` more samples are done.
  func timeLeft(_ left: Int) -> Double {
    let perSecond = Double(samples) / max(Double(last - begin) / 1e9, 1e-9)
    return samples > 0 ? Double(left) / perSecond : 0
  }
}
