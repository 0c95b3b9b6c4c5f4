import Batches

/// Computes a model's outputs in place of the processor.
package protocol EvaluationDevice: AnyObject {
  /// The outputs for a gathered batch `[rows, outputSize]`, valid until the next call.
  func evaluate(_ batch: Batch) throws -> UnsafeMutableBufferPointer<Float>
  /// The streams of an evaluation begin anew.
  func resetEvaluation() throws
}
