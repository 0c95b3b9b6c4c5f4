extension RunLog {
  /// How an epoch's line tells where its time went; nil for what it does not say.
  public struct EpochTime: Decodable, Sendable {
    /// Of all its steps.
    public private(set) var seconds: Double?
    public private(set) var samplesPerSecond: Double?
    public private(set) var learningRate: Double?
    /// Of several ranks: seconds that each worker computed; of the one that writes, seconds in which it waited for the slowest one, and
    /// in which gradients were exchanged.
    public private(set) var compute: [Double]?
    public private(set) var wait: Double?
    public private(set) var communication: Double?
    /// The rank that computed longest, and its machine.
    public private(set) var slowestRank: Int?
    public private(set) var slowestHost: String?

    init() {}

    enum CodingKeys: String, CodingKey {
      case seconds
      case samplesPerSecond = "samples_per_second"
      case learningRate = "learning_rate"
      case compute = "compute_seconds"
      case wait = "wait_seconds"
      case communication = "communication_seconds"
      case slowestRank = "slowest_rank"
      case slowestHost = "slowest_host"
    }
  }
}
