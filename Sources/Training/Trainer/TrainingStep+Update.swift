import Recurrent

/// The optimizer's update from what all ranks have summed.
extension TrainingStep {
  /// Decides on reduced values only, so that all ranks do the same.
  func apply(_ learningRate: Double) throws -> Outcome {
    var outcome = Outcome(result: .updated, stop: self[flag: Flag.stop] > 0, save: self[flag: Flag.save] > 0)
    let slice = gradientSum.slice
    let (loss, weight) = (sums[Field.loss], sums[Field.weight])
    let squares = gradientSum.isSharded ? self[flag: Flag.squares] : squares(slice)
    guard loss.isFinite, weight.isFinite, squares.isFinite else {
      outcome.result = .notFinite
      return outcome
    }
    guard weight > 0 else {
      outcome.result = .weightless
      return outcome
    }
    let norm = squares.squareRoot() / weight
    let clip = clipNorm.map { min(1, $0 / (norm + 1e-6)) } ?? 1
    var scale = Float(clip / weight)
    let gradients = UnsafeMutableBufferPointer(rebasing: model.gradients[slice])
    if let clipValue {
      gradients.scale(by: scale, limitedTo: clipValue)
      scale = 1
    }
    optimizer.update(
      .init(rebasing: model.parameters[slice]), gradients: gradients, scale: scale,
      learningRate: learningRate,
      team: model.team)
    try gradientSum.share(model.parameters)
    average?.update(model.parameters, isFirst: optimizer.steps == 1)
    model.parametersChanged()
    outcome.lossSum = loss
    outcome.weight = weight
    outcome.right = sums[Field.right]
    outcome.counted = sums[Field.counted]
    outcome.gradientNorm = norm
    return outcome
  }

  func squares(_ range: Range<Int>) -> Double {
    model.kernels.functions.sum_of_squares(model.gradients.baseAddress! + range.lowerBound, range.count)
  }
}
