/// The `distributed` section: how ranks work together.
public struct DistributedSpecification: Sendable, Equatable {
  public enum Coordinator: String, Sendable, CaseIterable { case shared, dedicated }
  public enum Reduction: String, Sendable, CaseIterable { case fast, strict }
  /// Whether rank 0 trains too, or only evaluates, decides and saves.
  public var coordinator: Coordinator = .shared
  /// Strict: the same bits for any number of ranks.
  public var reduction: Reduction = .fast
  /// Parts that a strict run cuts each batch into; its bits depend on them.
  public var lanes: Int = 8
  public enum Compression: String, Sendable, CaseIterable { case none, bf16, int8, int4, powersgd, topk }
  /// What travels between ranks of gradients, or of the ways of rounds; it is added in float32.
  public var compress: Compression = .none
  /// Columns that PowerSGD makes of each matrix.
  public var powerRank: Int = 4
  /// Share of each tensor's elements that `topk` sends, the largest ones.
  public var topShare: Double = 0.01
  /// Momentum of each rank before it chooses them (momentum correction).
  public var topMomentum: Double = 0
  /// Epochs in which `topShare` is reached from above, by equal factors.
  public var topWarmupEpochs: Int = 0
  /// Whether each rank updates a slice of the parameters, and keeps the optimizer's state of that slice only.
  public var optimizerSharding: Bool = false
  /// Steps that each rank takes by itself before all take one along the mean of their ways (DiLoCo); nil where every step is one of
  /// all ranks.
  public var syncEvery: Int?
  /// Of the step along the mean: the rate, and Nesterov's momentum.
  public var outerLearningRate: Double = 0.9
  public var outerMomentum: Double = 0.5
  /// Steps at a round's end that the sum of the ways has for its travel; 0 where ranks wait for it.
  public var syncDelay: Int = 0
  /// What a rank keeps of its own steps beside the sum, as a share.
  public var syncAlpha: Double = 0.5
  /// Steps between two comparisons of all ranks' parameters; 0 for none.
  public var replicaCheckEvery: Int = 100
  /// Seconds that a rank may stay away without progress before the job ends.
  public var stallTimeout: Double = 60
  public init() {}
}

extension DistributedSpecification.Compression {
  /// Whether what is taken away is kept for the next time, and is a part of a run's state.
  package var keepsErrors: Bool {
    switch self {
    case .none, .bf16: false
    case .int8, .int4, .powersgd, .topk: true
    }
  }
}
