import Batches
import Dataset

/// What a set writes into a batch, as plain arrays.
package struct BatchArrays: Equatable {
  /// `[rows, F]`; empty for tokens.
  package var inputs: [Float] = []
  /// `[rows]`
  package var tokens: [Int32] = []
  /// `[rows, C]`
  package var categories: [Int32] = []
  /// `[target rows, width]`; empty for classes.
  package var values: [Float] = []
  /// `[target rows]`; empty for values.
  package var classes: [Int32] = []
  /// Of pairs.
  package var sources: [Int32] = []

  package init(inputs: [Float], values: [Float], classes: [Int32]) {
    (self.inputs, self.values, self.classes) = (inputs, values, classes)
  }

  package init(_ batch: Batch) {
    if let tokens = batch.tokens {
      self.tokens = Array(UnsafeBufferPointer(start: tokens, count: batch.rows.count))
    } else {
      inputs = Array(batch.inputs.prefix(batch.rows.count * batch.shape.features))
    }
    if let codes = batch.categories {
      categories = Array(
        UnsafeBufferPointer(start: codes, count: batch.rows.count * batch.shape.categories.count))
    }
    switch batch.shape.target {
    case .values(let width):
      values = Array(UnsafeBufferPointer(start: batch.values, count: batch.targetRows * width))
    case .classes: classes = Array(UnsafeBufferPointer(start: batch.classes, count: batch.targetRows))
    }
    if let source = batch.source { sources = BatchArrays(source).tokens }
  }
}

extension SampleSet {
  /// These samples as arrays; without any, all. Traps where the set writes after what it was asked for.
  package func arrays(_ samples: [Int32]? = nil) -> BatchArrays {
    let samples = samples ?? (0..<Int32(count)).map { $0 }
    // Room for one sample more than is asked for, which nobody may write to.
    let batch = Batch(shape, capacity: samples.count + 1)
    batch.mark()
    gather(samples, into: batch)
    batch.requireMarks()
    return BatchArrays(batch)
  }
}

extension Batch {
  private static let mark: Int32 = -77

  fileprivate func mark() {
    inputs.update(repeating: Float(Self.mark))
    categories?.update(repeating: Self.mark, count: capacity * shape.steps * shape.categories.count)
    tokens?.update(repeating: Self.mark, count: capacity * shape.steps)
    values.update(repeating: Float(Self.mark), count: capacity * stepsWithTarget * shape.targetWidth)
    classes.update(repeating: Self.mark, count: capacity * stepsWithTarget)
    source?.mark()
  }

  /// What is after the rows is as it was.
  fileprivate func requireMarks() {
    precondition(inputs.dropFirst(rows.count * shape.features).allSatisfy { $0 == Float(Self.mark) })
    if let tokens {
      precondition((rows.count..<capacity * shape.steps).allSatisfy { tokens[$0] == Self.mark })
    }
    if let categories {
      let columns = shape.categories.count
      precondition(
        (rows.count * columns..<capacity * shape.steps * columns).allSatisfy { categories[$0] == Self.mark })
    }
    let targets = targetRows..<capacity * stepsWithTarget
    precondition(
      targets.allSatisfy { classes[$0] == Self.mark }
        && (targets.lowerBound * shape.targetWidth..<targets.upperBound * shape.targetWidth)
          .allSatisfy { values[$0] == Float(Self.mark) }
    )
    source?.requireMarks()
  }

  private var stepsWithTarget: Int { shape.hasTargetPerStep ? shape.steps : 1 }
}
