import CCUDA
import Recurrent

extension StepProgram {
  /// The buffers the host writes and reads; they come first.
  public enum Place: Int, CaseIterable, Sendable {
    /// What changes from step to step (`step_control`), and what a step leaves behind (`step_outcome`).
    case control, outcome
    /// In layout order.
    case parameters, gradients
    /// The optimizer's state, in layout order.
    case first, second
    /// A batch: `[T, B, F]`, targets `[rows, width]` or classes `[rows]`, sample numbers `[B]`.
    case inputs, values, classes, samples
    /// `[width]`
    case classWeights
  }

  /// The step of a network.
  /// - batch: samples of a micro-batch; capacity: of the largest one. Programs of the same capacity have the same buffers.
  public init(
    _ architecture: Architecture, loss: Loss, rule: UpdateRule, steps: Int, batch: Int, capacity: Int
  ) {
    var builder = ProgramBuilder(
      architecture, loss: loss, rule: rule, steps: steps, batch: batch, capacity: capacity)
    self = builder.build()
  }
}

extension ProgramBuilder {
  mutating func declarePlaces() {
    let rows = rows(capacity)
    for place in StepProgram.Place.allCases {
      let count =
        switch place {
        case .control: MemoryLayout<step_control>.size / 4
        case .outcome: MemoryLayout<step_outcome>.size / 4
        case .parameters, .gradients, .first, .second: layout.count
        case .inputs: steps * capacity * architecture.inputSize
        case .values: loss.takesClasses ? 0 : rows * architecture.outputSize
        case .classes: loss.takesClasses ? rows : 0
        case .samples: capacity
        case .classWeights: loss.takesClasses ? architecture.outputSize : 0
        }
      _ = buffer("\(place)", count)
    }
  }
}
