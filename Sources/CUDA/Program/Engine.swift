import Diagnostics

/// How a device computes a training step: which kernels and library calls its program is made of.
///
/// An engine is a case here, and a `StepEngine` that says what it can compute and writes it. `ProgramBuilder` has what
/// they share; `EngineChooser` times those that can.
public enum Engine: String, Sendable, CaseIterable {
  /// A matrix product and a kernel for each step: any size.
  case stepwise
  /// One kernel for all time steps of a layer in both directions, weights in shared memory: up to 64 hidden units.
  case walk
  /// One kernel for all time steps of a layer in both directions, weights in the registers of a cluster of blocks: 33 to 512 hidden units, on
  /// GPUs that have clusters (compute capability 9.0).
  case cluster
  /// One kernel for whole steps, several where one process trains on resident data: parameters and rows in shared memory.
  case fused
  /// cuDNN, where the device has it.
  case cudnn

  var writer: any StepEngine {
    switch self {
    case .stepwise: StepwiseEngine()
    case .walk: WalkEngine()
    case .cluster: ClusterEngine()
    case .fused: FusedEngine()
    case .cudnn: CUDNNEngine()
    }
  }

  /// Whether it can compute the plan on the plan's device.
  public func can(_ plan: StepPlan) -> Bool { writer.can(plan) }

  /// Those that can compute the plan; `stepwise` can always.
  public static func able(_ plan: StepPlan) -> [Engine] { allCases.filter { $0.can(plan) } }

  /// Throws where it can't compute the plan.
  func require(_ plan: StepPlan) throws(Failure) {
    guard can(plan) else {
      let others = Engine.able(plan).map(\.rawValue).joined(separator: " or ")
      throw .usage("engine \(rawValue) can't compute this network on this device; use \(others)")
    }
  }

  /// The engine for a plan that nobody has timed.
  public init(for plan: StepPlan) {
    self = Engine.walk.can(plan) ? .walk : .stepwise
  }
}

/// What an engine can compute, and how it writes the program.
protocol StepEngine {
  /// Whether it can compute the plan: network, sizes, precision, device.
  func can(_ plan: StepPlan) -> Bool

  /// The most steps that one launch can take.
  var stepsAtOnce: Int { get }

  /// Writes the whole program.
  func build(_ b: inout ProgramBuilder)
}

extension StepEngine {
  var stepsAtOnce: Int { 1 }
}

/// An engine that goes layer by layer. The builder asks it for each, and has the rest: input, readout, head, what lies between layers.
protocol LayerEngine: StepEngine {
  /// Writes all directions of a layer forward, from `input(of: layer)` to `outputs(layer)`.
  func forward(_ layer: Int, _ directions: [ProgramBuilder.Direction], _ b: inout ProgramBuilder)

  /// Writes a layer back over time, from the gradient of its outputs.
  ///
  /// - Returns: the gradients it left, from which the builder forms those of what the layer read and of its parameters.
  func backward(
    _ layer: Int, _ directions: [ProgramBuilder.Direction], _ dOutput: StepProgram.Region,
    _ b: inout ProgramBuilder
  ) -> ProgramBuilder.LayerGradients
}

extension LayerEngine {
  func build(_ b: inout ProgramBuilder) { b.buildLayers(self) }
}
