#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The parts a training step is made of.
public enum StepPhase: String, CaseIterable, Sendable {
  /// Packed copies of the weights, made once per optimizer step.
  case packing
  /// Inputs times input weights, all steps at once.
  case projection
  /// The time loop with its gates.
  case recurrence
  /// The layers after the recurrent part, forward and backward; with the loss where that is computed with the last of them.
  case head
  case loss
  /// The time loop backwards.
  case recurrenceBackward = "recurrence_backward"
  case weightGradients = "weight_gradients"
  /// The gradient that goes to the layer below.
  case inputGradients = "input_gradients"
  /// Sums of lanes, of a strict run.
  case laneSums = "lane_sums"
  case optimizer

  /// Whether its time is that of matrix products.
  public var isProducts: Bool {
    switch self {
    case .packing, .loss, .laneSums, .optimizer: false
    default: true
    }
  }
}

/// Adds up where the time of steps goes. A team without one measures nothing.
public final class StepProfile {
  public struct PhaseTotal: Sendable {
    public var seconds = 0.0
    /// Multiply-adds of matrix products.
    public var operations = 0
  }
  public private(set) var totals = [StepPhase: PhaseTotal]()

  public init() {}

  /// Forgets what was measured.
  public func reset() { totals.removeAll(keepingCapacity: true) }

  func add(_ phase: StepPhase, nanoseconds: UInt64, operations: Int) {
    totals[phase, default: PhaseTotal()].seconds += Double(nanoseconds) / 1e9
    totals[phase, default: PhaseTotal()].operations += operations
  }

  static func now() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }
}
