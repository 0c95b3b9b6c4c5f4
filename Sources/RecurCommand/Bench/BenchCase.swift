import Diagnostics
import Recur

/// A network and batch whose step time is worth knowing, from ten kilobytes of parameters to many megabytes.
struct BenchCase {
  let name: String
  var network: Network
  var batch: Int
  let loss: Loss
  /// Steps of each sequence, longest first; nil where all have the network's.
  var lengths: [Int32]?

  static let all: [BenchCase] = [
    stock("stock-rnn", .rnn), stock("stock-lstm", .lstm), stock("stock-gru", .gru),
    BenchCase(
      "mnist-bilstm", .lstm, 28, 12, steps: 28, batch: 128, bidirectional: true, .allSteps, outputs: 10),
    mid("mid-rnn", .rnn), mid("mid-lstm", .lstm), mid("mid-gru", .gru),
    characters("charlm-lstm", .lstm), characters("charlm-gru", .gru),
    BenchCase("big-lstm", .lstm, 1024, 1024, steps: 35, batch: 64, .lastStep, outputs: 10),
    vowels, words,
  ]

  /// The medium language model of Zaremba et al. 2014.
  private static var words: BenchCase {
    var words = BenchCase("word-lm", .lstm, 0, 650, steps: 35, batch: 20, .everyStep, outputs: 10_000)
    words.network.embedding = .init(vocabulary: 10_000, width: 650)
    return words
  }

  /// Sequences of 7 to 29 steps, as in the Japanese Vowels.
  private static var vowels: BenchCase {
    var vowels = BenchCase(
      "vowels-lstm", .lstm, 12, 64, steps: 29, batch: 32, layers: 1, .finalState, outputs: 9)
    vowels.lengths = (0..<32).map { Int32(29 - 22 * $0 / 31) }
    return vowels
  }

  /// Sizes that fit no vector, panel or cache evenly, and the ends of batch and time.
  static let odd: [BenchCase] = [
    "rnn-100-50-32", "lstm-100-50-32", "gru-100-50-32", "lstm-320-50-32", "lstm-650-35-20", "gru-650-35-20",
    "lstm-1500-35-20", "lstm-256-100-1", "lstm-256-100-7", "lstm-256-1-64", "lstm-256-500-64",
  ].map { shape($0)! }

  /// Two layers of CELL-HIDDEN-STEPS-BATCH, as many inputs as units.
  private static func shape(_ name: String) -> BenchCase? {
    let parts = name.split(separator: "-", omittingEmptySubsequences: false)
    let sizes = parts.dropFirst().compactMap { Int($0) }.filter { (1...1 << 16).contains($0) }
    guard parts.count == 4, sizes.count == 3, let cell = Network.Cell(rawValue: String(parts[0])),
      cell != .none
    else { return nil }
    return BenchCase(name, cell, sizes[0], sizes[0], steps: sizes[1], batch: sizes[2], .lastStep, outputs: 10)
  }

  static func named(_ name: String) throws -> BenchCase {
    if let found = all.first(where: { $0.name == name }) ?? shape(name) { return found }
    let near = nearestName(to: name, among: all.map(\.name)).map { "did you mean \($0)?" }
    throw Failure.usage("there is no case \(name); \(near ?? "see recur bench --help")")
  }

  private static func stock(_ name: String, _ cell: Network.Cell) -> BenchCase {
    BenchCase(name, cell, 4, 8, steps: 5, batch: 20, .allSteps, outputs: 1, loss: .mse)
  }

  private static func mid(_ name: String, _ cell: Network.Cell) -> BenchCase {
    BenchCase(name, cell, 64, 256, steps: 100, batch: 64, .lastStep, outputs: 10)
  }

  private static func characters(_ name: String, _ cell: Network.Cell) -> BenchCase {
    BenchCase(name, cell, 128, 512, steps: 64, batch: 64, .everyStep, outputs: 96)
  }

  private init(
    _ name: String, _ cell: Network.Cell, _ inputs: Int, _ hidden: Int, steps: Int, batch: Int,
    layers: Int = 2, bidirectional: Bool = false, _ readout: Network.Readout, outputs: Int,
    loss: Loss = .crossEntropy()
  ) {
    var network = Network(
      cell, inputs: inputs, hidden: hidden, steps: steps, head: [.linear(outputs)])
    network.layers = layers
    network.bidirectional = bidirectional
    network.readout = readout
    self.name = name
    self.network = network
    self.batch = batch
    self.loss = loss
  }

  /// Steps of all sequences together.
  var rows: Int { lengths.map { $0.reduce(0) { $0 + Int($1) } } ?? network.steps * batch }

  /// Floating-point operations of the matrix products in one step.
  var operations: Double {
    let a = network
    let rows = Double(rows)
    var forward = 0.0
    for layer in 0..<a.layers {
      let inputs = layer == 0 ? a.inputWidth : a.outputWidth
      let width = a.width(of: layer)
      forward += 2 * rows * Double(a.directions * a.cell.gateCount * a.hiddenSize * (inputs + width))
      if a.projectionSize > 0 { forward += 2 * rows * Double(a.directions * a.hiddenSize * width) }
    }
    forward += 2 * Double((a.readsEveryStep ? self.rows : batch) * a.outputSize * a.readoutWidth)
    return 3 * forward
  }
}
