import Diagnostics

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
  public enum Compression: String, Sendable, CaseIterable { case none, bf16 }
  /// What gradients are rounded to on their way between ranks; they are added in float32.
  public var compress: Compression = .none
  /// Whether each rank updates a slice of the parameters, and keeps the optimizer's state of that slice only.
  public var optimizerSharding: Bool = false
  /// Steps between two comparisons of all ranks' parameters; 0 for none.
  public var replicaCheckEvery: Int = 100
  /// Seconds that a rank may stay away without progress before the job ends.
  public var stallTimeout: Double = 60
  public init() {}
}

extension DistributedSpecification: DeclaredSection {
  static let section = Section(
    start: DistributedSpecification(),
    keys: [
      Key(
        "coordinator", \.coordinator, .choice(),
        "Whether rank 0 trains too (shared), or only evaluates, decides and saves (dedicated)."),
      Key(
        "reduction", \.reduction, .choice(),
        "How gradients are added: strict gives the same bits for any number of ranks, fast takes less time."),
      Key(
        "lanes", \.lanes, .whole(1...4096),
        "Parts that a strict run cuts each batch into; its bits depend on them."),
      Key(
        "compress", \.compress, .choice(),
        "What gradients are rounded to on their way between ranks; they are added in float32."
      ).checked { distributed, map in
        try distributed.requireSameBits(distributed.compress == .none, "compress", "none", map)
      },
      Key(
        "optimizer_sharding", \.optimizerSharding, .flag,
        "Whether each rank updates a slice of the parameters, and keeps the optimizer's state of that slice only."
      ).checked { distributed, map in
        try distributed.requireSameBits(!distributed.optimizerSharding, "optimizer_sharding", "false", map)
      },
      Key(
        "replica_check_every", \.replicaCheckEvery, .whole(0...Int(Int32.max)),
        "Steps between two comparisons of all ranks' parameters; 0 for none."),
      Key(
        "stall_timeout", \.stallTimeout, .number(.positive),
        "Seconds that a rank may stay away without progress before the job ends."),
    ])

  /// Refuses what would make a strict run's bits depend on the number of ranks.
  private func requireSameBits(_ isSame: Bool, _ key: String, _ value: String, _ map: RecipeMap) throws {
    if reduction == .fast || isSame { return }
    throw map.failure(
      at: key,
      "\(map.fullPath(key)) would make the bits depend on the number of ranks; set it to \(value), or distributed.reduction to fast"
    )
  }
}
