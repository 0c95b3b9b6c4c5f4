import Foundation
import TestSupport
import Testing

/// Forecasts and backtests of changes where the last rows lack the target.
@Suite(.tags(.mpi)) struct MissingTargetForecastTests {
  /// A series of 60 rows, of which those in `missing` were not observed.
  private func folder(_ missing: Set<Int>) throws -> Folder {
    let folder = try Folder()
    let rows = (0..<60).map { row in
      "A,\(row),\(missing.contains(row) ? "NA" : "\(100 + row % 7)")"
    }
    try folder.write("d.csv", (["s,t,x"] + rows).joined(separator: "\n") + "\n")
    try folder.write(
      "d.yaml",
      """
      name: d
      data: {format: csv, path: d.csv, series: s, time: t, features: [x], targets: [x], gaps: mask, scale: standard,
        window: 4, horizon: [1, 2], relative: true, split: {train: 0.6, test: rest}}
      model: {cell: gru, hidden_size: 3, readout: last_step, head: [{linear: targets}]}
      loss: {name: quantile, levels: [0.1, 0.5, 0.9]}
      train: {epochs: 1, batch_size: 16}
      """)
    let outcome = try run(folder, "train d.yaml --out run")
    try #require(outcome.status == 0, "\(outcome.err)")
    return folder
  }

  private func run(_ folder: Folder, _ words: String) throws -> Command.Outcome {
    try Command.run(arguments: words.split(separator: " ").map(String.init), in: folder.url)
  }

  private func rows(_ text: String) -> [[String]] {
    text.split(separator: "\n").dropFirst().map {
      $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    }
  }

  @Test func aForecastGoesOnFromTheLastObservedValue() throws {
    // The gap is longer than a window.
    let folder = try folder([54, 55, 56, 57, 58, 59])
    let outcome = try run(folder, "forecast run --steps 4")
    let rows = rows(outcome.out)
    #expect(outcome.status == 0 && !outcome.err.contains("recur:") && rows.count == 4, "\(outcome.err)")
    for cell in rows.flatMap({ $0[3...] }) { #expect(Double(cell).map { abs($0 - 104) < 50 } == true) }
    // Row 53 is the last one that is there, 100 + 53 % 7.
    try folder.write("e.csv", folder.read("d.csv").replacingOccurrences(of: "A,53,104", with: "A,53,1104"))
    let moved = self.rows(try run(folder, "forecast run --input e.csv --steps 2").out)
    for (cell, before) in zip(moved.flatMap { $0[3...] }, rows.flatMap { $0[3...] }) {
      #expect(abs(Double(cell)! - Double(before)! - 1000) < 1e-2)
    }
  }

  @Test func aSeriesThatWasNeverObservedIsNamed() throws {
    let folder = try folder([])
    try folder.write(
      "e.csv", folder.read("d.csv") + (0..<60).map { "B,\($0),NA\n" }.joined())
    let outcome = try run(folder, "forecast run --input e.csv")
    #expect(outcome.status == 0 && rows(outcome.out).filter { $0[0] == "B" }.allSatisfy { $0[3].isEmpty })
    #expect(
      outcome.err.hasPrefix(
        "recur: column 'x' of series 'B' has no value to go on from, and its forecast is a change from the last one: it is left empty\n"
      ), "\(outcome.err)")
  }

  /// The second fold goes on from a row without a value; the last row of each has no truth.
  @Test func aBacktestComparesWhatIsKnown() throws {
    let folder = try folder([57, 59])
    let outcome = try run(folder, "backtest run --folds 2 --season 3 --output b.csv --json")
    try #require(outcome.status == 0, "\(outcome.err)")
    let known = rows(try folder.read("b.csv")).filter { !$0[4...].contains("") }
    let scores = try #require(try outcome.json()["scores"] as? [[String: Any]])
    let all = try #require(scores[0]["scores"] as? [String: Any])
    #expect(known.count == 2)
    for name in ["network", "last_value", "seasonal_naive"] {
      #expect((all[name] as? [String: Any])?["count"] as? Int == 2)
    }
    #expect(((all["network"] as? [String: Any])?["crps"] as? Double)?.isFinite == true)
    let text = try run(folder, "backtest run --folds 2 --season 3")
    #expect(text.out.contains("x: 2 of 4 forecasts are compared"), "\(text.out)")
  }
}
