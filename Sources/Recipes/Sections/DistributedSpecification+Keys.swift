import Diagnostics

extension DistributedSpecification: DeclaredSection {
  static let section = Section(start: DistributedSpecification(), keys: sums + rounds + watch)

  private static let sums: [Key<Self>] = [
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
      "What travels of gradients: all, rounded (bf16), products of low rank (powersgd), the largest (topk); with sync_every of ranks' ways: all, rounded to bf16, int8 or int4."
    ).checked { distributed, map in
      try distributed.requireSameBits(distributed.compress == .none, "compress", "none", map)
    },
    Key(
      "powersgd_rank", \.powerRank, .whole(1...256),
      "Columns that powersgd makes of each matrix; vectors travel whole."
    ).needing("compress") { $0.compress == .powersgd },
    Key(
      "topk_share", \.topShare, .number(.inside),
      "Share of each tensor's elements that topk sends in a step, one at least."
    ).needing("compress") { $0.compress == .topk },
    Key(
      "topk_momentum", \.topMomentum, .number(.belowOne),
      "Momentum of each rank before topk chooses (momentum correction), in place of the optimizer's."
    ).needing("compress") { $0.compress == .topk },
    Key(
      "topk_warmup_epochs", \.topWarmupEpochs, .whole(0...1000),
      "Epochs in which topk's share falls to topk_share by equal factors; 4 to 0.001 are 0.25, 0.063, 0.016 and 0.004."
    ).needing("compress") { $0.compress == .topk },
    Key(
      "optimizer_sharding", \.optimizerSharding, .flag,
      "Whether each rank updates a slice of the parameters, and keeps the optimizer's state of that slice only."
    ).checked { distributed, map in
      try distributed.requireSameBits(!distributed.optimizerSharding, "optimizer_sharding", "false", map)
    },
  ]

  private static let rounds: [Key<Self>] = [
    Key(
      "sync_every", optional: \.syncEvery, .whole(),
      "Steps that each rank takes by itself before all take one along the mean of their ways (DiLoCo); null where every step is one of all ranks."
    ).checked { distributed, map in
      try distributed.requireSameBits(distributed.syncEvery == nil, "sync_every", "null", map)
      try distributed.requireWholeOptimizers(map)
      try distributed.requireCompression(map)
    },
    Key(
      "outer_lr", \.outerLearningRate, .number(.positive),
      "Learning rate of the step along the mean of the ranks' ways; 1 without momentum takes their mean."
    ).needing("sync_every") { $0.syncEvery != nil },
    Key("outer_momentum", \.outerMomentum, .number(.belowOne), "Nesterov's momentum of that step.")
      .needing("sync_every") { $0.syncEvery != nil },
    Key(
      "sync_delay", \.syncDelay, .whole(0...Int(Int32.max)),
      "Last steps of a round that the sum of the ranks' ways has for its travel beside them (Streaming DiLoCo); 0 where ranks wait for it. An epoch's last round waits."
    ).needing("sync_every") { $0.syncEvery != nil }
      .checked { distributed, map in try distributed.requireDelayWithinRound(map) },
    Key(
      "sync_alpha", \.syncAlpha, .number(.belowOne),
      "What a rank keeps beside the sum of the steps that it took by itself: 0 goes on from the common parameters alone."
    ).needing("sync_delay") { $0.syncDelay > 0 },
  ]

  private static let watch: [Key<Self>] = [
    Key(
      "replica_check_every", \.replicaCheckEvery, .whole(0...Int(Int32.max)),
      "Steps between two comparisons of all ranks' parameters; 0 for none."),
    Key(
      "stall_timeout", \.stallTimeout, .number(.positive),
      "Seconds that a rank may stay away without progress before the job ends."),
  ]

  /// Refuses what would make a strict run's bits depend on the number of ranks.
  private func requireSameBits(_ isSame: Bool, _ key: String, _ value: String, _ map: RecipeMap) throws {
    if reduction == .fast || isSame { return }
    throw map.failure(
      at: key,
      "\(map.fullPath(key)) would make the bits depend on the number of ranks; set it to \(value), or distributed.reduction to fast"
    )
  }

  /// Refuses rounds of ranks that have a slice of an optimizer only.
  private func requireWholeOptimizers(_ map: RecipeMap) throws {
    guard syncEvery != nil, optimizerSharding else { return }
    throw map.failure(
      at: "sync_every",
      "distributed.sync_every needs a whole optimizer on each rank; set distributed.optimizer_sharding to false, or sync_every to null"
    )
  }

  /// Refuses a sum that would be on its way when the next one is.
  private func requireDelayWithinRound(_ map: RecipeMap) throws {
    guard let syncEvery, syncDelay >= syncEvery else { return }
    throw map.failure(
      at: "sync_delay",
      "distributed.sync_delay is \(syncDelay), and a round has \(syncEvery) steps (distributed.sync_every); make it less"
    )
  }

  /// Refuses a way to send less that is not for what is sent.
  private func requireCompression(_ map: RecipeMap) throws {
    let named = "distributed.compress: \(compress.rawValue)"
    switch compress {
    case .none, .bf16: return
    case .int8, .int4:
      if syncEvery != nil { return }
      throw map.failure(
        at: "compress",
        "\(named) rounds what ranks send after steps of their own; it needs distributed.sync_every")
    case .powersgd, .topk:
      if syncEvery == nil, !optimizerSharding { return }
      let other = syncEvery == nil ? "optimizer_sharding" : "sync_every"
      throw map.failure(
        at: "compress",
        "\(named) is for sums of whole gradients in every step, and excludes distributed.\(other)")
    }
  }
}
