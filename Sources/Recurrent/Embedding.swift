import CKernels
import Kernels

/// Tokens as vectors: row k of the weight `[V, N]` stands for token k, `torch.nn.Embedding`.
final class Embedding {
  let specification: Architecture.Embedding
  private let weight: Int
  private let team: Team
  /// `[T, B, N]`
  private var vectors = FloatBuffer(0)

  init(_ specification: Architecture.Embedding, _ layout: ParameterLayout, _ team: Team) {
    self.specification = specification
    self.team = team
    weight = layout["embedding.weight"]!.range.lowerBound
  }

  /// Whether it is less work to project the whole vocabulary than every token. Masks differ from token to token.
  func isFolded(_ request: Model.Batch) -> Bool {
    specification.vocabulary < request.rows.count && !drops(request)
  }

  /// The first layer's view of a batch whose tokens are not looked up one by one.
  func vocabulary(_ request: Model.Batch, _ parameters: UnsafePointer<Float>) -> RecurrentLayer.Vocabulary? {
    guard let tokens = request.tokens, isFolded(request) else { return nil }
    return .init(
      tokens: tokens, count: specification.vocabulary, vectors: parameters + weight, weight: weight)
  }

  /// The vectors of a batch's tokens, `[T, B, N]`.
  func forward(_ request: Model.Batch, _ parameters: UnsafePointer<Float>) -> UnsafePointer<Float> {
    let width = specification.width
    vectors.reserve(request.rows.count * width)
    for row in 0..<request.rows.count {
      let token = Int(request.tokens![row])
      precondition(token >= 0 && token < specification.vocabulary, "token \(token) is not in the vocabulary")
      (vectors.base + row * width).update(from: parameters + weight + token * width, count: width)
    }
    drop(request, vectors.base)
    return UnsafePointer(vectors.base)
  }

  /// Adds the gradients of the vectors, `[T, B, N]`, to those of the tokens' rows, in the order of the rows.
  func backward(
    _ request: Model.Batch, dVectors: UnsafeMutablePointer<Float>, _ gradients: UnsafeMutablePointer<Float>
  ) {
    drop(request, dVectors)
    let (width, tokens) = (specification.width, request.tokens!)
    team.run(.inputGradients, operations: request.rows.count * width) { share in
      let columns = share.of(width, grain: 16)
      for row in 0..<request.rows.count {
        let from = dVectors + row * width
        let to = gradients + weight + Int(tokens[row]) * width
        for column in columns { to[column] += from[column] }
      }
    }
  }

  private func drops(_ request: Model.Batch) -> Bool {
    specification.dropout > 0 && request.mode != .evaluation
  }

  /// A mask is its own derivative. Its number is behind any layer's.
  private func drop(_ request: Model.Batch, _ x: UnsafeMutablePointer<Float>) {
    guard drops(request), case .training(let seed, let step) = request.mode else { return }
    var mask = rk_dropout(seed: seed, step: step, layer: 0x4000_0000, probability: specification.dropout)
    let width = specification.width
    rk_dropout_apply(
      &mask, x, x, request.steps, request.batch, request.rows.offsets, width, 1, width, width, request.samples
    )
  }
}
