import Diagnostics

/// Losses of arrays, for programs whose outputs are no model's.
extension Loss {
  /// The summed loss of numbers, and the gradient of the sum.
  /// - Parameters:
  ///   - outputs: `outputsPerTarget` for each value.
  ///   - values: what is right; NaN where nobody knows it.
  /// - Throws: `badData` where the counts don't fit, or the loss is one of classes.
  public func evaluate(_ outputs: [Float], values: [Float]) throws(Failure) -> (
    total: Total, gradient: [Float]
  ) {
    guard !takesClasses, outputs.count == values.count * outputsPerTarget else {
      throw .badData("\(outputs.count) outputs say nothing about \(values.count) numbers by this loss")
    }
    return evaluate(outputs, rows: 1, values, [], unknown: values.contains(where: \.isNaN))
  }

  /// The summed loss of classes, and the gradient of the sum.
  /// - Parameters:
  ///   - outputs: `[rows, classes]`, logits.
  ///   - classes: `[rows]`; below 0 where nobody knows it.
  /// - Throws: `badData` where the counts don't fit, a class has no output, or the loss is one of numbers.
  public func evaluate(_ outputs: [Float], classes: [Int32]) throws(Failure) -> (
    total: Total, gradient: [Float]
  ) {
    guard takesClasses, !classes.isEmpty, outputs.count % classes.count == 0 else {
      throw .badData("\(outputs.count) outputs say nothing about \(classes.count) classes by this loss")
    }
    let width = outputs.count / classes.count
    if let other = classes.first(where: { $0 >= width }) {
      throw .badData("class \(other) is not in 0..<\(width)")
    }
    return evaluate(outputs, rows: classes.count, [], classes, unknown: classes.contains { $0 < 0 })
  }

  private func evaluate(
    _ outputs: [Float], rows: Int, _ values: [Float], _ classes: [Int32], unknown: Bool
  ) -> (total: Total, gradient: [Float]) {
    func total(_ values: UnsafePointer<Float>, _ classes: UnsafePointer<Int32>, _ gradient: inout [Float])
      -> Total
    {
      evaluate(
        outputs: outputs, rows: rows, width: outputs.count / rows,
        targets: Targets(values: values, classes: classes, mayBeUnknown: unknown), gradient: &gradient)
    }
    var gradient = outputs
    return (total(values, classes, &gradient), gradient)
  }
}
