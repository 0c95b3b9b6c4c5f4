import Batches
import CKernels
import Kernels

/// Tokens as vectors: row k of the weight `[V, N]` stands for token k, `torch.nn.Embedding`.
final class Embedding {
  let specification: Architecture.Embedding
  private let range: Range<Int>
  private var weight: Int { range.lowerBound }
  private let maskNumber: UInt32
  private let team: Team
  /// `[T, B, N]`
  private var vectors = FloatBuffer(0)

  /// - mask: numbers its dropout masks, behind any layer's.
  init(
    _ specification: Architecture.Embedding, _ layout: ParameterLayout, _ team: Team,
    name: String = "embedding", mask: UInt32 = 0x4000_0000
  ) {
    self.specification = specification
    self.team = team
    maskNumber = mask
    range = layout["\(name).weight"]!.range
  }

  /// Whether it is less work to project the whole vocabulary than every token. Masks differ from token to token.
  func isFolded(_ request: Model.Request, rows: Int) -> Bool {
    specification.vocabulary < rows && !drops(request)
  }

  /// The first layer's view of a batch whose tokens are not looked up one by one.
  /// - rows: of the batch, or of its smallest lane.
  func vocabulary(_ request: Model.Request, rows: Int, _ parameters: UnsafePointer<Float>)
    -> RecurrentLayer.Vocabulary?
  {
    guard let tokens = request.tokens, isFolded(request, rows: rows) else { return nil }
    return .init(
      tokens: tokens, count: specification.vocabulary, vectors: parameters + weight, weight: weight,
      parameters: range)
  }

  /// The vectors of a batch's tokens, `[T, B, N]`.
  func forward(_ request: Model.Request, _ parameters: UnsafePointer<Float>) -> UnsafePointer<Float> {
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
    _ request: Model.Request, dVectors: UnsafeMutablePointer<Float>, _ target: GradientTarget
  ) {
    drop(request, dVectors)
    let (width, tokens) = (specification.width, request.tokens!)
    target.add(range, batch: request.batch, team) { part in
      let groups = request.rows.groups(of: part.sequences)
      team.run(.inputGradients, operations: groups.rows * width) { share in
        let columns = share.of(width, grain: 16)
        for rows in groups {
          for row in rows {
            let from = dVectors + row * width
            let to = part.gradients + weight + Int(tokens[row]) * width
            for column in columns { to[column] += from[column] }
          }
        }
      }
    }
  }

  private func drops(_ request: Model.Request) -> Bool {
    specification.dropout > 0 && request.mode != .evaluation
  }

  /// A mask is its own derivative.
  private func drop(_ request: Model.Request, _ x: UnsafeMutablePointer<Float>) {
    guard drops(request), case .training(let seed, let step) = request.mode else { return }
    var mask = rk_dropout(seed: seed, step: step, layer: maskNumber, probability: specification.dropout)
    let width = specification.width
    rk_dropout_apply(
      &mask, x, x, request.steps, request.batch, request.rows.offsets, width, 1, width, width, request.samples
    )
  }
}
