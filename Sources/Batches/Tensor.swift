import Diagnostics

/// Numbers with their shape, in C order: what a program gives a batch, reads of a model, and prints.
///
/// A value: a copy shares its memory until one of the two is changed.
public struct Tensor: Sendable, Equatable {
  /// The size of each dimension; empty for one number.
  public let shape: [Int]
  /// As many as the product of the shape, the last dimension next to each other.
  public private(set) var values: [Float]

  /// Numbers in C order.
  /// - Throws: `badData` where there are not as many as the shape has room for.
  public init(_ values: [Float], shape: [Int]) throws(Failure) {
    guard Tensor.count(shape) == values.count else {
      throw .badData("\(values.count) numbers are no tensor of shape \(shape)")
    }
    (self.values, self.shape) = (values, shape)
  }

  /// `[count]`
  public init(_ values: [Float]) { (self.values, shape) = (values, [values.count]) }

  /// Rows of equal length, `[rows, columns]`.
  /// - Throws: `badData` that names the first row of another length.
  public init(_ rows: [[Float]]) throws(Failure) {
    let width = rows.first?.count ?? 0
    if let other = rows.firstIndex(where: { $0.count != width }) {
      throw .badData("row \(other) has \(rows[other].count) numbers, row 0 has \(width)")
    }
    (values, shape) = (rows.flatMap { $0 }, [rows.count, width])
  }

  /// One number everywhere: `torch.full`.
  /// - Throws: `badData` where the shape has a size below 0, or is too large.
  public init(repeating value: Float, shape: [Int]) throws(Failure) {
    guard let count = Tensor.count(shape) else { throw .badData("there is no tensor of shape \(shape)") }
    (values, self.shape) = ([Float](repeating: value, count: count), shape)
  }

  /// How many numbers there are.
  public var count: Int { values.count }

  /// The number at an index of each dimension, which must be there as that of an array must.
  public subscript(indices: Int...) -> Float {
    get { values[offset(indices)] }
    set { values[offset(indices)] = newValue }
  }

  /// The same numbers in another shape.
  /// - Throws: `badData` where it has room for more or fewer.
  public func reshaped(_ shape: [Int]) throws(Failure) -> Tensor { try Tensor(values, shape: shape) }

  private func offset(_ indices: [Int]) -> Int {
    precondition(indices.count == shape.count, "a tensor of shape \(shape) has \(shape.count) indices")
    return zip(indices, shape).reduce(0) { offset, dimension in
      precondition(dimension.0 >= 0 && dimension.0 < dimension.1, "\(indices) is outside of \(shape)")
      return offset * dimension.1 + dimension.0
    }
  }

  /// The product of a shape; nil where it has a size below 0, or is more than an `Int` or memory holds.
  private static func count(_ shape: [Int]) -> Int? {
    var count = 1
    for size in shape {
      let (product, overflow) = count.multipliedReportingOverflow(by: size)
      guard size >= 0, !overflow, product < 1 << 40 else { return nil }
      count = product
    }
    return count
  }
}
