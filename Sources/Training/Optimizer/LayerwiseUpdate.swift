import CKernels
import Kernels

/// Steps whose length is each tensor's own, by the ratio of two norms of it: for large batches.
///
/// LAMB (You et al. 2020, algorithm 2) as NVIDIA apex's `FusedLAMB(use_nvlamb=True, max_grad_norm=0)` computes it:
/// u = m̂ / (√v̂ + eps) + weight_decay·p, then p ← p - lr · ‖p‖/‖u‖ · u. LARS (You et al. 2017) as apex's `LARC(clip=False)` around
/// `torch.optim.SGD`: g ← trust·‖p‖ / (‖g‖ + weight_decay·‖p‖ + eps) · (g + weight_decay·p), then SGD with momentum. Where one of the
/// norms is 0, the ratio is 1.
final class LayerwiseUpdate {
  private enum RatioRule {
    case lamb(weightDecay: Float)
    case lars(trust: Double, weightDecay: Double, eps: Double)
  }
  /// A piece of a tensor: norms are added piece by piece, whatever thread computed one, so that their bits are always the same.
  private struct TensorPiece {
    let part: Int
    let range: Range<Int>
  }
  private static let longest = 1 << 16

  private let rule: RatioRule
  private let adaptsVectors: Bool
  private let tensors: TrainedTensors
  private let kernels: KernelSet
  private let pieces: [TensorPiece]
  /// Squares of each piece: of the parameters, of the gradients or of LAMB's step.
  private let squares: UnsafeMutableBufferPointer<(Double, Double)>
  /// The same of each tensor of the model, one after the other.
  private let norms: UnsafeMutableBufferPointer<Double>
  /// LAMB's step before its length is known.
  private let direction: UnsafeMutableBufferPointer<Float>

  /// - Returns: nil for rules that know no tensors.
  /// - count: of the elements.
  init?(_ specification: OptimizerSpecification, _ tensors: TrainedTensors, count: Int, _ kernels: KernelSet)
  {
    switch specification.rule {
    case .sgd, .adam, .adamW, .rmsprop: return nil
    case .lamb(let lamb):
      rule = .lamb(weightDecay: Float(specification.weightDecay))
      adaptsVectors = lamb.adaptsVectors
      direction = .allocate(capacity: count)
    case .lars(let lars):
      rule = .lars(trust: lars.trust, weightDecay: specification.weightDecay, eps: lars.eps)
      adaptsVectors = lars.adaptsVectors
      direction = .allocate(capacity: 0)
    }
    direction.initialize(repeating: 0)
    (self.tensors, self.kernels) = (tensors, kernels)
    pieces = tensors.parts.enumerated().flatMap { index, part in
      stride(from: part.range.lowerBound, to: part.range.upperBound, by: Self.longest).map {
        TensorPiece(part: index, range: $0..<min($0 + Self.longest, part.range.upperBound))
      }
    }
    squares = .allocate(capacity: pieces.count)
    squares.initialize(repeating: (0, 0))
    norms = .allocate(capacity: 2 * tensors.count)
    norms.initialize(repeating: 0)
  }

  deinit {
    squares.deallocate()
    norms.deallocate()
    direction.deallocate()
  }

  /// - settings: of this step.
  func update(
    _ parameters: UnsafeMutablePointer<Float>, _ gradients: UnsafeMutablePointer<Float>,
    _ first: UnsafeMutablePointer<Float>?, _ second: UnsafeMutablePointer<Float>?, _ settings: rk_optimizer,
    _ team: Team?, _ addNorms: (UnsafeMutableBufferPointer<Double>) throws -> Void
  ) rethrows {
    forEachPiece(team) { index, piece in
      if case .lamb(let decay) = rule, let first, let second {
        direct(parameters, gradients, first, second, settings, piece, decay: decay)
      }
      let other = direction.baseAddress.flatMap { direction.isEmpty ? nil : $0 } ?? gradients
      let (start, count) = (piece.range.lowerBound, piece.range.count)
      squares[index] = (
        kernels.functions.sum_of_squares(parameters + start, count),
        kernels.functions.sum_of_squares(other + start, count)
      )
    }
    norms.update(repeating: 0)
    for (piece, squares) in zip(pieces, squares) {
      let number = tensors.parts[piece.part].number
      norms[2 * number] += squares.0
      norms[2 * number + 1] += squares.1
    }
    try addNorms(norms)
    forEachPiece(team) { _, piece in
      step(parameters, gradients, first, settings, piece)
    }
  }

  private func forEachPiece(_ team: Team?, _ body: (Int, TensorPiece) -> Void) {
    guard let team else {
      for (index, piece) in pieces.enumerated() { body(index, piece) }
      return
    }
    team.run(.optimizer, operations: pieces.reduce(0) { $0 + $1.range.count }) { share in
      for index in share.of(pieces.count) { body(index, pieces[index]) }
    }
  }

  private func isAdapted(_ piece: TensorPiece) -> Bool {
    adaptsVectors || !tensors.parts[piece.part].isVector
  }

  /// Adam's means, and LAMB's step before its length is known.
  private func direct(
    _ parameters: UnsafeMutablePointer<Float>, _ gradients: UnsafeMutablePointer<Float>,
    _ first: UnsafeMutablePointer<Float>, _ second: UnsafeMutablePointer<Float>, _ settings: rk_optimizer,
    _ piece: TensorPiece, decay: Float
  ) {
    let (start, count) = (piece.range.lowerBound, piece.range.count)
    let target = direction.baseAddress! + start
    target.update(repeating: 0, count: count)
    // Adam's step away from zero, at a rate of -1, is what it would take off.
    var settings = settings
    (settings.lr, settings.weight_decay, settings.decoupled) = (-1, 0, 1)
    kernels.functions.adam(&settings, target, gradients + start, first + start, second + start, count)
    guard decay != 0, isAdapted(piece) else { return }
    var pull = rk_optimizer()
    (pull.gradient_scale, pull.lr) = (1, -decay)
    kernels.functions.sgd(&pull, target, parameters + start, nil, count)
  }

  private func step(
    _ parameters: UnsafeMutablePointer<Float>, _ gradients: UnsafeMutablePointer<Float>,
    _ momentum: UnsafeMutablePointer<Float>?, _ settings: rk_optimizer, _ piece: TensorPiece
  ) {
    let (start, count) = (piece.range.lowerBound, piece.range.count)
    var settings = settings
    switch rule {
    case .lamb:
      var step = rk_optimizer()
      (step.gradient_scale, step.lr) = (1, settings.lr * Float(ratio(piece, scale: 1)))
      kernels.functions.sgd(&step, parameters + start, direction.baseAddress! + start, nil, count)
    case .lars(_, let decay, _):
      let ratio = ratio(piece, scale: Double(settings.gradient_scale))
      settings.gradient_scale *= Float(ratio)
      settings.weight_decay = isAdapted(piece) ? Float(ratio * decay) : 0
      kernels.functions.sgd(
        &settings, parameters + start, gradients + start, momentum.map { $0 + start }, count)
    }
  }

  /// - scale: of the norm that is not the parameters'.
  private func ratio(_ piece: TensorPiece, scale: Double) -> Double {
    let number = tensors.parts[piece.part].number
    let (own, other) = (norms[2 * number].squareRoot(), norms[2 * number + 1].squareRoot() * scale)
    guard isAdapted(piece), own > 0, other > 0 else { return 1 }
    switch rule {
    case .lamb: return own / other
    case .lars(let trust, let decay, let eps): return trust * own / (other + decay * own + eps)
    }
  }
}
