import Collective
import Dataset
import Recurrent

/// Runs a model over a part of the data without changing it.
///
/// Sums are added in a fixed order, so that the same model gives the same bits for any number of ranks.
public struct Evaluator {
  public init(model: Model, loss: Loss, data: LoadedData, communicator: any Communicator) {
    fatalError("not written yet")
  }

  /// Metrics over all samples of `set`; all ranks share the work and get the same values.
  public func evaluate(_ set: any SampleSet) throws -> EvaluationMetrics { fatalError("not written yet") }

  /// Gives the outputs of all samples in order, batch by batch, on this rank alone.
  /// - body: the samples' numbers and their outputs, `[samples, outputSize]`, in scaled units.
  public func predict(
    _ set: any SampleSet, _ body: (Range<Int>, UnsafeBufferPointer<Float>) throws -> Void
  ) throws { fatalError("not written yet") }
}
