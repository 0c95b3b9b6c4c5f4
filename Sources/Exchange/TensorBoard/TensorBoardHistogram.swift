/// How many numbers lie in which of TensorBoard's buckets, whose limits grow by a tenth from 1e-12 to 1e20 on both sides of zero
/// (tensorflow/core/lib/histogram). What is not finite is not counted.
package struct TensorBoardHistogram {
  private var counts = [Double](repeating: 0, count: limits.count)
  package private(set) var count = 0.0
  private var (least, most) = (Double.infinity, -Double.infinity)
  private var (sum, squares) = (0.0, 0.0)

  /// Upper ends, ascending.
  private static let limits: [Double] = {
    let positive =
      Array(sequence(first: 1e-12) { $0 * 1.1 }.prefix { $0 < 1e20 }) + [Double.greatestFiniteMagnitude]
    return positive.reversed().map { -$0 } + [0] + positive
  }()

  /// - scale: what each value is multiplied by.
  package init(_ values: some Sequence<Float>, scale: Double = 1) {
    for value in values {
      let value = Double(value) * scale
      if value.isFinite { add(value) }
    }
  }

  private mutating func add(_ value: Double) {
    counts[Self.bucket(of: value)] += 1
    count += 1
    (least, most) = (min(least, value), max(most, value))
    sum += value
    squares += value * value
  }

  /// The first limit above a value.
  private static func bucket(of value: Double) -> Int {
    var (low, high) = (0, limits.count - 1)
    while low < high {
      let middle = (low + high) / 2
      if limits[middle] > value { high = middle } else { low = middle + 1 }
    }
    return low
  }

  var message: ProtobufMessage {
    var message = ProtobufMessage()
    message.add(1, count > 0 ? least : 0)
    message.add(2, count > 0 ? most : 0)
    message.add(3, count)
    message.add(4, sum)
    message.add(5, squares)
    let buckets = self.buckets
    message.add(6, packed: buckets.map(\.limit))
    message.add(7, packed: buckets.map(\.count))
    return message
  }

  /// Neighbouring empty ones are one.
  private var buckets: [(limit: Double, count: Double)] {
    var buckets: [(limit: Double, count: Double)] = []
    for (limit, count) in zip(Self.limits, counts) {
      if count == 0, buckets.last?.count == 0 { buckets.removeLast() }
      buckets.append((limit, count))
    }
    return buckets
  }
}
