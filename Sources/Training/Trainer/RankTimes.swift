/// Where the time of an epoch's steps went. All ranks know how long each of them computed.
struct RankTimes: Codable, Equatable {
  /// Seconds that each worker took for itself, until it came to the reduction.
  var compute: [Double]
  /// Of this rank: seconds in which it waited for the slowest one, and in which all exchanged gradients.
  var wait = 0.0
  var communication = 0.0

  init(workers: Int) { compute = Array(repeating: 0, count: workers) }

  mutating func add(_ step: TrainingStep) {
    for rank in compute.indices { compute[rank] += step.computeSeconds[rank] }
    wait += step.wait
    communication += step.communication
  }

  mutating func reset() {
    for rank in compute.indices { compute[rank] = 0 }
    wait = 0
    communication = 0
  }
}

/// The rank that kept the others waiting.
public struct SlowestRank: Sendable, Equatable {
  public var rank: Int
  public var host: String
  /// How much longer it computed than the others did on average; 0.1 for a tenth.
  public var excess: Double
}

extension RankTimes {
  /// - firstRank: the number of the first worker among all ranks. hosts: of all ranks.
  func slowest(firstRank: Int, hosts: [String]) -> SlowestRank? {
    guard compute.count > 1, let most = compute.max(), let index = compute.firstIndex(of: most) else {
      return nil
    }
    let others = (compute.reduce(0, +) - most) / Double(compute.count - 1)
    return SlowestRank(
      rank: firstRank + index, host: hosts[firstRank + index], excess: others > 0 ? most / others - 1 : 0)
  }
}
