/// What a training step takes on several ranks by a model.
package struct StepCost: Sendable, Equatable {
  package var seconds: Double
  package var sum: SumCost
  /// Whether layers are summed while those below are computed.
  package var isOverlapped: Bool

  /// - compute: seconds of forward, backward and update of a rank's part.
  /// - buckets: values of the stretches of gradients in the order in which backward finishes them.
  package init(
    compute: Double, buckets: [Int], machines: Int, ranksPerMachine: Int, network: NetworkCost, memory: Double
  ) {
    func cost(_ values: Int) -> SumCost {
      .best(
        bytes: 4 * values, machines: machines, ranksPerMachine: ranksPerMachine, network: network,
        memory: memory)
    }
    let values = buckets.reduce(0, +)
    sum = cost(values)
    seconds = compute + sum.seconds
    isOverlapped = false
    guard machines * ranksPerMachine > 1, buckets.count > 1 else { return }
    // Of three passes of products backward makes two, a layer's share of them by its values; the last stretch is summed after it.
    let (forward, backward) = (compute / 3, compute * 2 / 3)
    var (computed, summed) = (forward, 0.0)
    for bucket in buckets {
      computed += backward * Double(bucket) / Double(max(1, values))
      summed = max(summed, computed) + cost(bucket).seconds
    }
    if summed < seconds { (seconds, isOverlapped) = (summed, true) }
  }
}
