import Recur

/// Where the time of a run's epochs went, and who kept whom waiting.
struct TimeSplit {
  private let epochs: [RunLog.Measured]
  /// The number of the first worker among the ranks.
  private let firstRank: Int

  init(_ log: RunLog, dedicated: Bool) {
    epochs = log.epochs
    firstRank = dedicated ? 1 : 0
  }

  /// Epochs of several ranks.
  private var shared: [RunLog.Measured] { epochs.filter { ($0.time.compute?.count ?? 0) > 1 } }
  var ranks: Int { shared.last?.time.compute?.count ?? 1 }

  var panels: [Panel] {
    func curve(
      _ name: String, _ color: Palette, _ value: (RunLog.EpochTime) -> Double?
    ) -> Curve {
      Curve(
        name: name, color: color,
        points: epochs.compactMap { epoch in value(epoch.time).map { Curve.Point(Double(epoch.epoch), $0) } })
    }
    var times = [curve("steps", .grey) { $0.seconds }]
    if !shared.isEmpty {
      times += [
        curve("computing (the slowest rank)", .blue) { $0.compute?.max() },
        curve("waiting", .orange) { $0.wait }, curve("exchanging", .green) { $0.communication },
      ]
    }
    let speed = curve("samples", .blue) { $0.samplesPerSecond }
    return [("seconds an epoch", times), ("samples a second", [speed])].compactMap { name, curves in
      let measured = curves.filter { !$0.points.isEmpty }
      return measured.isEmpty ? nil : Panel(xLabel: "epoch", yLabel: name, countsX: true, curves: measured)
    }
  }

  /// The time of the rank that writes, altogether; nil of one process.
  var split: TextTable? {
    guard !shared.isEmpty else { return nil }
    let compute = shared.reduce(0) { $0 + ($1.time.compute?.first ?? 0) }
    let wait = shared.reduce(0) { $0 + ($1.time.wait ?? 0) }
    let communication = shared.reduce(0) { $0 + ($1.time.communication ?? 0) }
    let all = max(shared.reduce(0) { $0 + ($1.time.seconds ?? 0) }, compute + wait + communication)
    let rows = [
      ("computing", compute), ("waiting for the slowest rank", wait), ("exchanging gradients", communication),
      ("the rest: batches, optimizer, log", all - compute - wait - communication),
    ]
    return TextTable(
      header: ["", "time", "share"],
      rows: rows.map { [$0, Formatting.duration($1), Formatting.percent(all > 0 ? $1 / all : .nan)] })
  }

  /// One row a rank; nil of one process.
  var stragglers: TextTable? {
    guard let last = shared.last?.time.compute else { return nil }
    let rows = last.indices.map { index -> [String] in
      let rank = firstRank + index
      let seconds = shared.reduce(0) { sum, epoch in
        sum + (epoch.time.compute.flatMap { index < $0.count ? $0[index] : nil } ?? 0)
      }
      let slowest = shared.filter { $0.time.slowestRank == rank }
      return [
        "\(rank)", slowest.last?.time.slowestHost ?? Formatting.none, Formatting.duration(seconds),
        Formatting.grouped(slowest.count),
      ]
    }
    return TextTable(
      header: [
        "rank", "machine, where it was the slowest", "computing", "epochs in which it was the slowest",
      ],
      rows: rows)
  }
}
