import Batches
import Diagnostics

/// A model that is given one step at a time and carries its states on: for a signal under way, or the prediction network of a transducer.
///
/// After each step its outputs are those that the model gives for the sequence so far, read out at its last step; no step is computed
/// twice. Several streams share a call, and each can begin anew between any two.
public final class StreamingModel {
  /// How many streams a call takes a step of.
  public var streams: Int { states.streams }
  /// How many numbers of each stream a step reads; 0 where it reads a token.
  public var inputSize: Int { model.network.embedding == nil ? model.network.inputSize : 0 }
  /// How many numbers a step gives for each stream.
  public var outputSize: Int { model.network.outputSize }

  private let model: Model
  private let states: StreamStates
  private let batch: Batch

  /// All streams at their beginning.
  /// - Parameters:
  ///   - model: may be trained between steps; the states stay as they were.
  ///   - streams: how many a call takes a step of.
  /// - Throws: `badData` where the network needs more than the past.
  public init(_ model: Model, streams: Int = 1) throws(Failure) {
    let network = model.network
    try network.requireStreaming()
    guard streams >= 1 else { throw .badData("a model streams one sequence or more, not \(streams)") }
    self.model = model
    states = StreamStates(network, streams: streams)
    let lengths = [Int32](repeating: 1, count: streams)
    let numbers = Array(0..<Int32(streams))
    if let vocabulary = network.embedding?.vocabulary {
      let tokens = [Int32](repeating: 0, count: streams)
      batch = Batch(timeMajor: tokens, vocabulary: vocabulary, lengths: lengths, streams: numbers)
    } else {
      let inputs = [Float](repeating: 0, count: streams * network.inputSize)
      batch = Batch(timeMajor: inputs, features: network.inputSize, lengths: lengths, streams: numbers)
    }
    for stream in 0..<streams { begin(stream) }
  }

  /// One more step of each stream.
  /// - Parameters:
  ///   - inputs: `[streams, inputSize]`
  ///   - body: is given the outputs `[streams, outputSize]`.
  /// - Throws: `badData` where the inputs are not as many, or the network reads tokens; and what `body` throws.
  public func step<Result>(_ inputs: Span<Float>, _ body: (_ outputs: Span<Float>) throws -> Result) throws
    -> Result
  {
    guard model.network.embedding == nil else {
      throw Failure.badData("this network reads tokens, not numbers")
    }
    guard inputs.count == batch.inputs.count else {
      throw Failure.badData("a step reads [\(streams), \(inputSize)] numbers, not \(inputs.count)")
    }
    for i in inputs.indices { batch.inputs[i] = inputs[i] }
    return try body(Span(_unsafeElements: forward()))
  }

  /// One more step of each stream: inputs `[streams, inputSize]` to outputs `[streams, outputSize]`.
  /// - Throws: `badData` where the inputs are not as many, or the network reads tokens.
  public func step(_ inputs: [Float]) throws -> [Float] {
    try step(inputs.span) { outputs in outputs.indices.map { outputs[$0] } }
  }

  /// One more token of each stream.
  /// - Returns: outputs `[streams, outputSize]`
  /// - Throws: `badData` where a token is not in the vocabulary, they are not as many, or the network reads numbers.
  public func step(tokens: [Int32]) throws(Failure) -> [Float] {
    guard let vocabulary = model.network.embedding?.vocabulary else {
      throw .badData("this network reads numbers, not tokens")
    }
    guard tokens.count == streams else {
      throw .badData("a step reads \(streams) tokens, not \(tokens.count)")
    }
    if let unknown = tokens.first(where: { !(0..<Int32(vocabulary)).contains($0) }) {
      throw .badData("token \(unknown) is not in 0..<\(vocabulary)")
    }
    batch.tokens!.update(from: tokens, count: streams)
    return Array(forward())
  }

  /// Has a stream begin anew.
  public func begin(_ stream: Int) {
    precondition((0..<streams).contains(stream), "stream \(stream) is not in 0..<\(streams)")
    states.reset(stream)
    guard model.network.learnedInitialState else { return }
    for layer in 0..<model.network.layers {
      for (name, values) in [("h0", states.hidden), ("c0", states.cell)] where !values.isEmpty {
        let learned = model.layout["rnn.\(name)_l\(layer)"]!.range
        states.state(values, layer: layer, stream: Int32(stream)).update(
          from: model.parameters.baseAddress! + learned.lowerBound, count: learned.count)
      }
    }
  }

  private func forward() -> UnsafeBufferPointer<Float> {
    UnsafeBufferPointer(model.forward(batch, mode: .evaluation, states: states))
  }
}

extension Network {
  /// Throws `badData` where outputs at a step need more than the steps up to it.
  public func requireStreaming() throws(Failure) {
    guard cell != .none else { throw .badData("a network without recurrent layers has no state to carry on") }
    guard decoder == nil else { throw .badData("an encoder-decoder reads whole sequences, not step by step") }
    guard !bidirectional else {
      throw .badData("a network of two directions reads whole sequences, not step by step")
    }
    guard readout != .allSteps else {
      throw .badData("a head over all steps reads whole sequences, not step by step; read out the last step")
    }
    guard categories.isEmpty else {
      throw .badData("a network with categorical columns reads whole sequences, not step by step")
    }
  }
}
