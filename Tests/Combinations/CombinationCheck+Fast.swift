import Training

/// Three ranks with fast sums.
extension CombinationCheck {
  /// Sums in another order are the same up to rounding, and the same bits when they are made again.
  func compareFast(_ whole: FinishedRun) -> FinishedRun? {
    var many: FinishedRun?
    check("ranks") {
      let run = try train(Way(name: "ranks", ranks: 3))
      many = run
      return firstDifference(whole, run)
    }
    if let many, dice.chance(0.4) || plant == .again { compare(Way(name: "again", ranks: 3), many) }
    return many
  }

  /// The first step is computed from equal parameters, the second from one update; how rounding grows after that is up to the
  /// network: one that normalizes three units makes per cents of it in ten steps.
  private func firstDifference(_ whole: FinishedRun, _ run: FinishedRun) -> String? {
    guard whole.report.skippedSteps == 0, run.report.skippedSteps == 0 else { return nil }
    let recipe = combination.recipe
    // Ranks that take steps by themselves, or send less than all, are another run than one.
    let isOther =
      recipe["distributed.sync_every"] != nil
      || ["powersgd", "topk"].contains(recipe["distributed.compress"]?.text ?? "")
    guard !isOther else { return nil }
    let isRounded = recipe["distributed.compress"] == "bf16" || recipe["precision"] == "bf16"
    let tolerances: [(step: Int, key: String, share: Double)] = [
      (0, "loss", isRounded ? 1e-2 : 1e-5), (0, "gradient_norm", isRounded ? 5e-2 : 1e-3),
      (1, "loss", isRounded ? 5e-2 : 1e-3),
    ]
    let (a, b) = (steps(whole.log), steps(run.log))
    if a.isEmpty || a.count != b.count { return "\(b.count) steps in the log, \(a.count) on one rank" }
    for (step, key, share) in tolerances where step < a.count {
      let (x, y) = (a[step][key]?.double ?? .nan, b[step][key]?.double ?? .nan)
      if !(abs(x - y) <= share * max(1e-3, abs(x))) {
        return "\(key) of step \(step + 1): \(y) on three ranks, \(x) on one"
      }
    }
    return nil
  }

  private func steps(_ log: JSONValue) -> [JSONValue] {
    guard case .array(let lines) = log else { return [] }
    return lines.filter { $0["event"] == .string("step") }
  }
}
