import Exchange
import Files
import Kernels
import Recur

/// Times what a trained network gives, on one rank, straight from the library.
final class InferenceTimer {
  private let task: BenchTask
  private let threads: Int
  private let model: Model
  /// Of as many samples as the task asks for.
  private let benchCase: BenchCase
  private let batch: Batch
  private let stream: StreamingModel?
  private let inputs: [Float]
  private let clock = ContinuousClock()

  /// - Returns: nil where the case's network can't do the task.
  init?(_ benchCase: BenchCase, _ task: BenchTask, _ kernels: KernelSet, threads: Int) throws {
    (self.task, self.threads) = (task, threads)
    self.benchCase = task == .batch ? benchCase : benchCase.single
    batch = self.benchCase.makeBatch()
    model = try Model(benchCase.network, seed: 0, kernels: kernels, threads: threads)
    inputs = (0..<benchCase.network.inputSize).map { Float($0 % 7) / 7 - 0.4 }
    guard task == .stepping else {
      stream = nil
      return
    }
    guard (try? benchCase.network.requireStreaming()) != nil else { return nil }
    stream = try StreamingModel(model)
  }

  /// - peers: who is timed beside it.
  func measure(seconds: Double, _ peers: PeerOptions) throws -> InferenceResult {
    for _ in 0..<3 { try run() }
    let others = try peers.start(
      benchCase, task, threads: threads, parameters: model.layout.count, model: writeONNX)
    let times = try peers.measure(others, seconds: seconds) { try self.times(seconds: $0) }
    let milliseconds = StepMilliseconds(Array(times.own.joined()))
    return InferenceResult(
      name: benchCase.name, task: task, threads: threads, milliseconds: milliseconds,
      samplesPerSecond: Double(task == .stepping ? 1 : benchCase.batch) / milliseconds.median * 1e3,
      steps: times.own.reduce(0) { $0 + $1.count }, peers: peers.libraries.isEmpty ? nil : times.peers)
  }

  private func times(seconds: Double) throws -> [Double] {
    var times: [Double] = []
    let end = clock.now + .seconds(seconds)
    repeat { times.append(try clock.measure { try run() } / .milliseconds(1)) } while clock.now < end
    return times
  }

  private func run() throws {
    guard let stream else {
      _ = model.forward(batch, mode: .evaluation)
      return
    }
    if stream.inputSize == 0 {
      _ = try stream.step(tokens: [1])
    } else {
      let inputs = inputs
      try stream.step(inputs.span) { _ in }
    }
  }

  private func writeONNX(to path: String) throws {
    var interface = ModelInterface()
    interface.hasLengths = benchCase.lengths != nil
    interface.carriesStates = task == .stepping
    let written = try NetworkGraph.model(
      model.network, model.layout, UnsafeBufferPointer(model.parameters), interface, metadata: [])
    let file = try OutputFile(path, option: "--compare", of: .onnx)
    try written.bytes.withUnsafeBufferPointer { try file.write(UnsafeRawBufferPointer($0)) }
    try file.close()
  }
}

extension BenchCase {
  /// One sample of it, the longest.
  fileprivate var single: BenchCase {
    var single = self
    single.batch = 1
    single.lengths = lengths.map { Array($0.prefix(1)) }
    return single
  }
}

/// What one task of a case took.
struct InferenceResult: Encodable {
  let name: String
  let task: BenchTask
  let threads: Int
  /// Of the task once.
  let milliseconds: StepMilliseconds
  /// Of stepping: steps.
  let samplesPerSecond: Double
  /// How often it was timed.
  let steps: Int
  /// Other libraries' times, measured in turns with these; with `--compare`.
  let peers: [PeerResult]?

  static let header = "case            task     threads    median ms       min ms    samples/s"

  var line: String {
    name + String(repeating: " ", count: max(1, 14 - name.count))
      + [
        (task.rawValue, 10), ("\(threads)", 7), (Formatting.fixed(milliseconds.median, 4), 13),
        (Formatting.fixed(milliseconds.min, 4), 13), (Formatting.fixed(samplesPerSecond, 0), 13),
      ].map { $0.leftPadded(to: $1) }.joined()
  }
}
