import Collective
import Recurrent

/// The states that the streams of a text are in within an epoch: part of what a run must continue from.
extension Trainer {
  /// This rank's streams are the rows that it computes of every batch.
  private var ownStreams: Range<Int> { step.ownRows(of: recipe.train.batchSize) }

  func resetStreams() throws {
    step.states?.resetAll()
    try step.device?.resetStreams()
  }

  /// Brings the states of all streams to every rank that trains.
  func gatherStates() throws {
    guard let states = step.states, roles.workers.size > 1 else { return }
    try step.device?.fetch()
    for stream in 0..<states.streams where !ownStreams.contains(stream) { states.reset(stream) }
    for values in carriedValues { try roles.workers.allReduceSum(values) }
  }

  var carriedValues: [UnsafeMutableBufferPointer<Float>] {
    guard state.position > 0, let states = step.states else { return [] }
    return [states.hidden, states.cell].filter { !$0.isEmpty }
  }

  /// Between epochs there is nothing to carry.
  var carriedTensors: [NamedTensor] {
    zip(["hidden", "cell"], carriedValues).map { name, values in
      NamedTensor(
        name: "carried.\(name)", shape: step.states?.shape ?? [], values: UnsafeBufferPointer(values))
    }
  }
}

extension StreamStates {
  func resetAll() { for stream in 0..<streams { reset(stream) } }
}
