import Batches

extension Loss {
  /// What rows of outputs are compared with, as it lies in a batch.
  package struct Targets {
    /// `[rows, targets]`, for losses of numbers.
    package var values: UnsafePointer<Float>
    /// `[rows]`, for cross entropy.
    package var classes: UnsafePointer<Int32>
    /// `[rows, weightsPerRow]`, how much each row counts; nil where all count alike.
    package var weights: UnsafePointer<Float>?
    /// One for all targets of a row, or one for each of so many equal parts of them.
    package var weightsPerRow: Int
    /// Whether there may be targets that nobody knows: values that are NaN, classes below 0.
    package var mayBeUnknown: Bool

    package init(
      values: UnsafePointer<Float>, classes: UnsafePointer<Int32>, weights: UnsafePointer<Float>? = nil,
      weightsPerRow: Int = 1, mayBeUnknown: Bool = false
    ) {
      (self.values, self.classes) = (values, classes)
      (self.weights, self.weightsPerRow, self.mayBeUnknown) = (weights, weightsPerRow, mayBeUnknown)
    }

    /// Whether every target is known and counts as much as any other.
    @inline(__always)
    package var areAlike: Bool { weights == nil && !mayBeUnknown }

    /// How much a value counts: 0 where nobody knows it.
    /// - index: its place among all values, of which a row has `perRow`.
    @inline(__always)
    package func weight(of index: Int, perRow: Int) -> Float {
      mayBeUnknown && values[index].isNaN ? 0 : weights?[index * weightsPerRow / perRow] ?? 1
    }

    /// How much a row's class counts: 0 where nobody knows it or it is to be ignored.
    @inline(__always)
    package func classWeight(ofRow row: Int, ignoring ignored: Int32) -> Float {
      let label = classes[row]
      return label == ignored || mayBeUnknown && label < 0 ? 0 : weights?[row] ?? 1
    }
  }
}

extension Batch {
  /// Its targets from a row of them on.
  package func targets(from row: Int = 0) -> Loss.Targets {
    Loss.Targets(
      values: values + row * shape.targetWidth, classes: classes + row,
      weights: weights.map { $0 + row * shape.weightsPerRow }, weightsPerRow: shape.weightsPerRow,
      mayBeUnknown: shape.hasUnknownTargets)
  }
}
