import Collective
import Recurrent

/// Buffers, as checkpoints and messages have them.
extension Replica {
  /// Everything that is one number for each parameter, with what a checkpoint puts before the parameters' names.
  var buffers: [(prefix: String, values: UnsafeMutableBufferPointer<Float>)] {
    ownBuffers + (ranks?.buffers ?? []) + shared
  }

  private var ownBuffers: [(prefix: String, values: UnsafeMutableBufferPointer<Float>)] {
    [("", model.parameters)] + optimizerState.whole.map { ("optimizer.\($0.name).", $0.values) }
  }

  /// What all ranks have alike besides the parameters.
  private var shared: [(prefix: String, values: UnsafeMutableBufferPointer<Float>)] {
    (step.outer?.shared ?? step.learner.gradientSum.saving?.shared ?? [])
      + (average.map { [(CheckpointFile.averagePrefix, $0.values)] } ?? [])
  }

  /// The states of streams, where there are such.
  var streamStates: [UnsafeMutableBufferPointer<Float>] {
    (step.states.map { [$0.hidden, $0.cell] } ?? []).filter { !$0.isEmpty }
  }

  /// All of it under the names that a checkpoint gives it.
  /// - carriesStates: whether the run is within an epoch; between epochs there is nothing to carry.
  /// - withRanks: whether with what other ranks keep.
  func tensors(carriesStates: Bool, withRanks: Bool = true) -> [NamedTensor] {
    let carried = zip(["hidden", "cell"], carriesStates ? streamStates : []).map { name, values in
      NamedTensor(
        name: "carried.\(name)", shape: step.states?.shape ?? [], values: UnsafeBufferPointer(values))
    }
    return carried
      + (withRanks ? buffers : ownBuffers + shared).flatMap { prefix, values in
        model.layout.entries.map { entry in
          NamedTensor(
            name: prefix + entry.name, shape: entry.shape,
            values: UnsafeBufferPointer(rebasing: values[entry.range]))
        }
      }
  }

  /// Takes all of it from a checkpoint.
  /// - updates: what the checkpoint says of ranks, where they keep something of their own.
  func fill(from file: CheckpointFile, _ updates: RankUpdates?, carriesStates: Bool) throws {
    let saved = updates?.updates.count ?? trainers
    let isOther = ranks != nil && saved != trainers
    for tensor in tensors(carriesStates: carriesStates, withRanks: !isOther) {
      try file.tensor(tensor.name, shape: tensor.shape)
        .copy(to: UnsafeMutableBufferPointer(mutating: tensor.values))
    }
    guard isOther else { return }
    try ranks?.fill(of: saved) { name, values in
      for entry in model.layout.entries {
        try file.tensor("optimizer.\(name).\(entry.name)", shape: entry.shape)
          .copy(to: .init(rebasing: values[entry.range]))
      }
    }
  }

  /// Gives all ranks what rank 0 has.
  func broadcast(_ all: any Communicator, carriesStates: Bool) throws {
    try all.broadcast(UnsafeMutableRawBufferPointer(model.parameters), from: 0)
    try optimizerState.broadcast(all)
    try ranks?.scatter(all)
    for values in shared.map(\.values) + (carriesStates ? streamStates : []) {
      try all.broadcast(UnsafeMutableRawBufferPointer(values), from: 0)
    }
  }
}

/// Streams: each rank holds the states of those that it computes.
extension Replica {
  func resetStreams() throws {
    if let states = step.states { for stream in 0..<states.streams { states.reset(stream) } }
    try step.device?.resetStreams()
  }

  /// Brings what ranks hold in parts to every rank that trains, or to the one that saves it.
  func gather(carriesStates: Bool) throws {
    if let states = step.states, workers.size > 1 {
      try fetch()
      let own = step.ownRows(of: streams)
      for stream in 0..<states.streams where !own.contains(stream) { states.reset(stream) }
      for values in carriesStates ? streamStates : [] { try workers.allReduceSum(values) }
    }
    try optimizerState.gather()
    try ranks?.gather()
    try step.outer?.gather()
  }

  /// Steps that changed the parameters of all ranks.
  var steps: Int { step.outer?.optimizer.steps ?? optimizer.steps }

  /// What a checkpoint says of ranks that keep something of their own. All that train call it.
  func updates() throws -> RankUpdates? {
    guard ranks != nil else { return nil }
    let all = try workers.allGather([UInt8]("\(optimizer.steps)".utf8))
    return RankUpdates(
      updates: all.map { Int(String(decoding: $0, as: UTF8.self)) ?? 0 },
      rounds: step.outer?.optimizer.steps ?? 0)
  }

  /// Continues from what a checkpoint says of optimizers.
  func restore(_ steps: Int, _ updates: RankUpdates?) {
    let isSame = updates?.updates.count == trainers
    optimizer.restore(steps: isSame ? updates?.updates[workers.rank] ?? steps : steps)
    step.outer?.optimizer.restore(steps: updates?.rounds ?? 0)
  }
}
