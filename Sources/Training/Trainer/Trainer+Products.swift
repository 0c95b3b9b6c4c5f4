import Collective
import Dataset
import Kernels

extension Trainer {
  /// Decides who computes the matrix products. A strict run, one in bfloat16 and one on a device have no choice.
  /// - saved: of the checkpoint that the run goes on from.
  func chooseProducts(resuming saved: CheckpointState?, _ mode: ProductMode?) throws {
    let isFree = replica.step.device == nil && replica.step.lanes == nil && !replica.model.kernels.isBF16
    guard try communicator.allGather([isFree ? 1 : 0]).allSatisfy({ $0 == [1] }) else { return }
    let agreement: ProductAgreement
    if let saved {
      agreement = try ProductAgreement(resuming: saved.products, replica.model, communicator, mode: mode)
    } else {
      let part = equalPart(
        0, of: min(recipe.train.batchSize, set.count), among: roles.workers.size
      ).count
      let sequences = min(part, recipe.train.microBatch(of: part))
      agreement = try ProductAgreement(
        replica.model, rows: sequences * set.shape.steps, sequences: sequences, communicator, mode: mode)
    }
    for line in agreement.notes { recorder?.note(line) }
    guard let choices = agreement.choices else { return }
    recorder?.note("\(choices.products.count) of the matrix products are computed by \(choices.library)")
  }
}
