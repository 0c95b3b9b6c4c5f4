import CCUDA
import CUDA
import Collective
import Training

/// Adds up gradients of devices by way of host memory: all in one message, or layer by layer while the devices compute the layers
/// below, as `GradientReduction` finds faster. The bits are the same.
package final class DeviceReduction {
  private let device: DeviceModel
  private let gradients: HostMemory
  private let reduction: GradientReduction

  /// - boundaries: see `GradientReduction`; least: values from which on both ways are tried.
  package init(
    _ device: DeviceModel, _ group: any Communicator, boundaries: [Int],
    least: Int = GradientReduction.leastOverlapped
  ) throws {
    self.device = device
    gradients = try device.gradientMemory()
    reduction = GradientReduction(group, gradients.floats, boundaries: boundaries, least: least)
  }

  /// The last micro-batch of a step, then the sums over all ranks of gradients, losses and flags; the first two are put back.
  /// - samples: nil for a rank without samples.
  package func compute(_ samples: DeviceModel.Samples?, _ flags: [Double]) throws -> [Double] {
    reduction.begin()
    if let samples, reduction.isOverlapping {
      try device.compute(samples, into: gradients) { reduction.isFinal(from: $0) }
    } else {
      if let samples { try device.compute(samples) }
      try device.readGradients(into: gradients)
    }
    var outcome = try device.outcome()
    var sums = [outcome.loss, outcome.weight, outcome.right, outcome.counted] + flags
    try sums.withUnsafeMutableBufferPointer { try reduction.sum($0) }
    (outcome.loss, outcome.weight, outcome.right, outcome.counted) = (sums[0], sums[1], sums[2], sums[3])
    try device.setGradients(gradients)
    try device.setOutcome(outcome)
    return Array(sums[4...])
  }

  /// See `GradientReduction`.
  package func stepEnded(seconds: Double) throws -> GradientReduction.Choice? {
    try reduction.stepEnded(seconds: seconds)
  }
}
