import Batches
import Recurrent

/// Steps whose last layer is computed together with its loss, in `backward`: see `Model.joins`.
extension Learner {
  var joinsLoss: Bool { model.joins(loss) }

  /// As `forward`, but for the last layer.
  func forwardBelowLoss(_ batch: Batch, step: Int, states: StreamStates?) {
    model.forwardBelowLoss(batch, mode: .training(seed: seed, step: UInt64(step)), states: states)
  }

  /// Adds the loss of all rows of the outputs, and the gradients.
  /// - part: of the sums, where each lane has its own.
  /// - target: a buffer that gets the gradients instead of the model's.
  func backward(_ batch: Batch, part: Int, into target: UnsafeMutableBufferPointer<Float>?) {
    model.backward(loss, batch.targets(), into: target) { sums.parts[part].add($0) }
  }

  /// The same of each lane by itself.
  func backward(_ batch: Batch, _ lanes: Lanes) {
    model.backward(loss, batch.targets(), lanes: lanes) { sums.parts[lanes.first + $0].add($1) }
  }
}

extension LossSums {
  fileprivate mutating func add(_ row: ClassLoss) {
    var total = Loss.Total(sum: loss, weight: weight)
    row.add(to: &total)
    (loss, weight) = (total.sum, total.weight)
    counted += row.weight
    if row.isRight { right += row.weight }
  }
}
