import Collective
import Dataset
import Diagnostics
import Kernels
import Recurrent

/// Steps of a recipe on its own data and this rank alone: how long a part of a batch takes, without any sum.
package final class StepMeasurement {
  /// Of the network.
  package let parameters: Int
  /// Values of the stretches of gradients, in the order in which backward finishes them; one where they travel together.
  package let buckets: [Int]
  /// Samples of a global batch.
  package let batch: Int
  private let replica: Replica
  private let samples: EpochSamples
  private var steps = 0

  private static let (warmUp, fewest, most, enough) = (2, 3, 200, 0.5)

  /// - Throws: a `Failure` where recipe and data don't fit together.
  package init(_ recipe: Recipe, _ data: LoadedData, threads: Int) throws {
    var recipe = try recipe.validated()
    recipe.distributed = DistributedSpecification()
    let (set, network) = try recipe.fitted(to: data)
    try recipe.requireMemory(network, set, workers: 1)
    let model = try Model(
      network, seed: recipe.seed, kernels: .fromEnvironment(recipe.precision), threads: threads)
    let solo = Solo()
    replica = try Replica(
      model, recipe: recipe, set: set, workers: solo, trainers: 1, trace: nil, gathersAhead: false)
    batch = min(recipe.train.batchSize, set.count)
    _ = try ProductAgreement(
      model, rows: batch * set.shape.steps, sequences: batch, solo)
    samples = EpochSamples(recipe, set)
    samples.draw(epoch: 0)
    parameters = model.layout.count
    let stretches = GradientReduction.buckets(parameters, model.layout.boundaries).map(\.count)
    buckets = stretches.isEmpty ? [parameters] : stretches
  }

  /// Seconds of a step with so many samples of a batch: the median.
  package func seconds(samples count: Int) throws -> Double {
    guard let part = samples.batch(0..<min(count, batch)) else { return 0 }
    var times: [Double] = []
    var total = 0.0
    for number in 0..<Self.warmUp + Self.most {
      let begin = monotonicNanoseconds()
      _ = try replica.step.run(part, step: steps, learningRate: 0, stop: false, save: false)
      steps += 1
      guard number >= Self.warmUp else { continue }
      times.append(Double(monotonicNanoseconds() - begin) / 1e9)
      total += times.last!
      if times.count >= Self.fewest, total > Self.enough { break }
    }
    return times.sorted()[times.count / 2]
  }
}
