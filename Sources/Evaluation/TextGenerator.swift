import Batches
import Dataset
import Diagnostics
import Kernels
import Recurrent

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Goes on with a text, token by token, from what a language model says comes next.
public final class TextGenerator {
  /// How the next token is drawn.
  public struct Sampling: Sendable, Equatable {
    /// Outputs are divided by it: below 1 likely tokens become likelier, 0 always takes the likeliest.
    public var temperature: Double = 1
    /// Draw from this many of the likeliest tokens; nil for all.
    public var topK: Int?
    public var seed: UInt64 = 0
    public init() {}
  }

  private let model: Model
  private let vocabulary: Vocabulary
  private let choice: Sampling
  private let states: StreamStates
  private var random: TorchGenerator
  private var last: Int32 = 0
  private var logits: [Float]

  /// - prompt: at least one token.
  /// - Throws: a `Failure` that names what the prompt has and the vocabulary has not.
  public init(_ model: Model, _ vocabulary: Vocabulary, prompt: String, _ choice: Sampling) throws {
    self.model = model
    self.vocabulary = vocabulary
    self.choice = choice
    states = StreamStates(model.network, streams: 1)
    random = TorchGenerator(seed: choice.seed)
    let tokens: [Int32]
    do { tokens = try vocabulary.encode(prompt, place: "--prompt") } catch {
      throw Failure.usage(error.message)
    }
    guard !tokens.isEmpty else { throw Failure.usage("--prompt: give at least one token to begin with") }
    logits = []
    for token in tokens { read(token) }
  }

  /// The bytes of the next token.
  public func next() -> [UInt8] {
    let isFirst = vocabulary.bytes(of: last, isFirst: true) == [UInt8(ascii: "\n")]
    let token = draw()
    read(token)
    return vocabulary.bytes(of: token, isFirst: isFirst)
  }

  private func read(_ token: Int32) {
    last = token
    let batch = Batch(timeMajor: [token], vocabulary: vocabulary.names.count, lengths: [1], streams: [0])
    logits = Array(model.forward(batch, mode: .evaluation, states: states))
  }

  private func draw() -> Int32 {
    var candidates = logits.indices.map { ($0, Double(logits[$0])) }
    if choice.temperature == 0 || choice.topK != nil {
      candidates.sort { $0.1 != $1.1 ? $0.1 > $1.1 : $0.0 < $1.0 }
      candidates = Array(candidates.prefix(choice.temperature == 0 ? 1 : choice.topK ?? 1))
    }
    guard candidates.count > 1 else { return Int32(candidates[0].0) }
    let top = candidates.map(\.1).max()!
    let powers = candidates.map { exp(($0.1 - top) / choice.temperature) }
    let high = UInt64(random.next())
    let unit = Double((high << 32 | UInt64(random.next())) >> 11) * 0x1p-53
    var rest = unit * powers.reduce(0, +)
    for (candidate, power) in zip(candidates, powers) {
      rest -= power
      if rest < 0 { return Int32(candidate.0) }
    }
    return Int32(candidates[candidates.count - 1].0)
  }
}
