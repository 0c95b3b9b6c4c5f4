import CCUDA
import Recurrent

extension StepProgram {
  /// The buffers the host writes and reads; they come first.
  public enum HostBuffer: Int, CaseIterable, Sendable {
    /// What changes from step to step (`step_control`), and what a step leaves behind (`step_outcome`), of `stepsAtOnce` steps.
    case control, outcome
    /// In layout order.
    case parameters, gradients
    /// The optimizer's state, in layout order.
    case first, second
    /// A batch: `[T, B, F]`, targets `[rows, width]` or classes `[rows]`, sample numbers
    /// `[stepsAtOnce, B]`.
    case inputs, values, classes, samples
    /// `[width]`
    case classWeights
    /// Tokens `[T, B]`, -1 after a sequence's end, in place of inputs.
    case tokens
    /// `[B]`: steps of each sequence, and which stream it is a window of.
    case lengths, streams
    /// The streams' states of a run, and of an evaluation: `[layers·D, streams, H]`, H of the widest layer.
    case hiddenStates, cellStates, evaluationHidden, evaluationCells
    /// A moving average of the parameters, in layout order.
    case average
    /// The resident data set, sample by sample: `[N, T, F]`, `[N, width]` or `[N]`.
    case allInputs, allValues, allClasses
  }

  /// The step of a network.
  /// - batch: samples of a micro-batch; steps: of its sequences, nil for the plan's. Programs of the same plan have the same buffers.
  /// - engine: nil for the one that suits the plan.
  public init(_ plan: StepPlan, batch: Int, steps: Int? = nil, engine: Engine? = nil) {
    var builder = ProgramBuilder(plan, batch: batch, steps: steps, engine: engine ?? Engine(for: plan))
    self = builder.build()
  }
}

extension ProgramBuilder {
  mutating func declareHostBuffers() {
    let rows = mostRows
    let isText = network.embedding != nil
    let states = network.layers * network.directions * plan.stateWidth
    let cells = cell.hasCellState ? states : 0
    program.stepsAtOnce = resident > 0 ? engine.writer.stepsAtOnce : 1
    for place in StepProgram.HostBuffer.allCases {
      let count =
        switch place {
        case .control: program.stepsAtOnce * MemoryLayout<step_control>.stride / 4
        case .outcome: program.stepsAtOnce * MemoryLayout<step_outcome>.stride / 4
        case .parameters, .gradients, .first, .second: layout.count
        case .inputs: isText ? 0 : room * network.inputSize
        case .tokens: isText ? room : 0
        case .lengths: hasLengths ? capacity : 0
        case .streams: plan.streams > 0 ? capacity : 0
        case .hiddenStates: plan.streams * states
        case .cellStates: plan.streams * cells
        case .evaluationHidden: plan.streams > 0 ? StepPlan.evaluationStreams * states : 0
        case .evaluationCells: plan.streams > 0 ? StepPlan.evaluationStreams * cells : 0
        case .average: plan.averages ? layout.count : 0
        case .values: loss.takesClasses ? 0 : rows * network.outputSize
        case .classes: loss.takesClasses ? rows : 0
        case .samples: program.stepsAtOnce * capacity
        case .classWeights: loss.takesClasses ? network.outputSize : 0
        case .allInputs: resident * steps * network.inputSize
        case .allValues: loss.takesClasses ? 0 : resident * rows / capacity * network.outputSize
        case .allClasses: loss.takesClasses ? resident * rows / capacity : 0
        }
      _ = buffer("\(place)", count)
    }
  }

  /// Takes a batch out of the resident data set.
  mutating func writeLoad() {
    guard resident > 0 else { return }
    gather(.allInputs, to: .inputs, steps: steps, width: network.inputSize)
    let targetSteps = rows(batch) / batch
    if loss.takesClasses {
      gather(.allClasses, to: .classes, steps: targetSteps, width: 1)
    } else {
      gather(.allValues, to: .values, steps: targetSteps, width: network.outputSize)
    }
  }

  private mutating func gather(
    _ all: StepProgram.HostBuffer, to some: StepProgram.HostBuffer, steps: Int, width: Int
  ) {
    each(
      steps * batch * width,
      .gather(
        data: place(all), samples: place(.samples), y: place(some), steps: steps, batch: batch, width: width))
  }
}
