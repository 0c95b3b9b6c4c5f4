import Recur

/// What a peer is told of a bench case.
struct PeerCase: Encodable {
  let library: PeerLibrary
  let task: BenchTask
  let threads: Int
  /// The processor's cores that it may run on; empty for any.
  let cores: [Int]
  /// For ONNX Runtime: the network as a file.
  let model: String?

  let cell: String
  /// Of the first layer: numbers of a step, or of an embedding's vector.
  let inputs: Int
  let hidden, layers, steps, batch, outputs: Int
  let bidirectional: Bool
  let readout: String
  /// Whether targets are classes; numbers and squared errors else.
  let classes: Bool
  /// 0 where inputs are numbers.
  let vocabulary: Int
  /// Of each sequence, longest first; empty where all have `steps`.
  let lengths: [Int32]

  init(
    _ benchCase: BenchCase, _ library: PeerLibrary, _ task: BenchTask, threads: Int, cores: [Int],
    model: String?
  ) {
    let network = benchCase.network
    (self.library, self.task, self.threads, self.cores, self.model) = (library, task, threads, cores, model)
    cell = network.cell.rawValue
    inputs = network.inputWidth
    (hidden, layers, steps) = (network.hiddenSize, network.layers, network.steps)
    (batch, outputs) = (benchCase.batch, network.outputSize)
    bidirectional = network.bidirectional
    switch network.readout {
    case .lastStep: readout = "last_step"
    case .finalState: readout = "final_state"
    case .allSteps: readout = "all_steps"
    case .everyStep: readout = "every_step"
    }
    classes = benchCase.loss.takesClasses
    vocabulary = network.embedding?.vocabulary ?? 0
    lengths = benchCase.lengths ?? []
  }
}
