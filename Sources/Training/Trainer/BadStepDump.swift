import Recurrent

/// What was seen at the last of too many steps that were skipped, for a person to look at.
struct BadStepDump: Encodable {
  /// In the run directory, beside `metrics.jsonl`.
  static let fileName = RunDirectory.badStep

  struct GradientSummary: Encodable {
    let name: String
    /// Elements of the summed gradient that are NaN or infinite, and the first of them.
    let notFinite: Int
    let first: Int?
    /// Largest magnitudes among the finite elements.
    let gradient: Float
    let parameter: Float

    enum CodingKeys: String, CodingKey {
      case name, first, gradient, parameter
      case notFinite = "not_finite"
    }
  }

  let step: Int
  let epoch: Int
  let badInARow: Int
  /// The global batch.
  let samples: [Int32]
  let tensors: [GradientSummary]

  enum CodingKeys: String, CodingKey {
    case step, epoch, samples, tensors
    case badInARow = "bad_in_a_row"
  }

  /// - state: after the last bad step.
  /// - samples: its global batch.
  init(_ state: RunState, _ model: Model, samples: [Int32]) {
    step = state.step
    epoch = state.epoch
    badInARow = state.counters.bad.count
    self.samples = samples
    let (parameters, gradients) = (model.parameters, model.gradients)
    tensors = model.layout.entries.map { entry in
      let gradient = gradients[entry.range]
      return GradientSummary(
        name: entry.name, notFinite: gradient.count { !$0.isFinite },
        first: gradient.firstIndex { !$0.isFinite }.map { $0 - entry.range.lowerBound },
        gradient: largest(gradient), parameter: largest(parameters[entry.range]))
    }
  }
}

private func largest(_ values: Slice<UnsafeMutableBufferPointer<Float>>) -> Float {
  values.reduce(0) { $1.isFinite ? max($0, abs($1)) : $0 }
}
