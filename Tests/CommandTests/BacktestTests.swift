import Foundation
import TestSupport
import Testing

/// Forecasts from origins of the past.
@Suite(.tags(.mpi)) struct BacktestTests {
  private func trained(_ arguments: String...) throws -> Folder {
    let folder = try Folder()
    try folder.writeWave(epochs: 3)
    let words = [
      "train", "wave.yaml", "--out", "run", "--set", "data.horizon=[1, 3]", "--set",
      "model.head=[{linear: 3}]",
    ]
    try #require(try Command.run(arguments: words + arguments, in: folder.url).status == 0)
    return folder
  }

  private func run(_ folder: Folder, _ words: String) throws -> Command.Outcome {
    try Command.run(arguments: words.split(separator: " ").map(String.init), in: folder.url)
  }

  private func table(_ text: String) -> [[String]] {
    text.split(separator: "\n").map {
      $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    }
  }

  @Test func foldsOfARunAreForecastsFromFilesCutThere() throws {
    let folder = try trained()
    let outcome = try run(folder, "backtest run --folds 3 --step 2 --season 5 --output b.csv --json")
    try #require(outcome.status == 0, "\(outcome.err)")
    let rows = table(try folder.read("b.csv"))
    #expect(
      rows[0] == ["fold", "series", "time", "step", "actual", "predicted", "last_value", "seasonal_naive"])
    #expect(rows.count == 10)
    let wave = table(try folder.read("wave.csv"))
    for (index, row) in rows.dropFirst().enumerated() {
      let (fold, step) = (index / 3, index % 3 + 1)
      let end = 80 - 3 - (2 - fold) * 2
      #expect(Array(row[..<4]) == ["\(fold + 1)", "", "\(end - 1 + step)", "\(step)"])
      func value(_ row: Int) -> Double { Double(wave[row + 1][2])! }
      for (place, known) in [(4, end - 1 + step), (6, end - 1), (7, end - 1 + step - 5)] {
        #expect(abs(Double(row[place])! - value(known)) < 1e-4)
      }
      if step == 1 {
        try folder.write(
          "cut.csv", wave.prefix(end + 1).map { $0.joined(separator: ",") }.joined(separator: "\n"))
        let cut = table(try run(folder, "forecast run --input cut.csv").out)
        #expect(cut.dropFirst().map { $0[3] } == rows[index + 1..<index + 4].map { $0[5] })
      }
    }
    try check(rows, outcome.json())
  }

  /// The report is what the table says.
  private func check(_ rows: [[String]], _ report: [String: Any]) throws {
    #expect(report["folds"] as? Int == 3 && report["step"] as? Int == 2 && report["steps"] as? Int == 3)
    let entries = try #require(report["scores"] as? [[String: Any]])
    #expect(entries.map { $0["step"] as? Int } == [nil, 1, 2, 3])
    for entry in entries {
      let scores = try #require(entry["scores"] as? [String: Any])
      let step = entry["step"] as? Int
      let own = rows.dropFirst().filter { step == nil || $0[3] == "\(step!)" }
      for (name, column) in [("network", 5), ("last_value", 6), ("seasonal_naive", 7)] {
        let found = try #require(scores[name] as? [String: Any])
        let errors = own.map { abs(Double($0[column])! - Double($0[4])!) }
        let mae = errors.reduce(0, +) / Double(errors.count)
        let rmse = (errors.reduce(0) { $0 + $1 * $1 } / Double(errors.count)).squareRoot()
        #expect(found["count"] as? Int == own.count)
        #expect(abs((found["mae"] as? Double ?? 0) - mae) < 1e-4)
        #expect(abs((found["rmse"] as? Double ?? 0) - rmse) < 1e-4)
        #expect((found["mase"] as? Double ?? 0) > 0 && (found["smape"] as? Double ?? 0) > 0)
      }
    }
  }

  /// Twice the mean pinball loss of the three quantiles, in the units of the file, and how often the truth lies within them.
  @Test func quantilesAreScoredToo() throws {
    let folder = try trained(
      "--set", "loss={name: quantile, levels: [0.1, 0.5, 0.9]}", "--set", "model.head=[{linear: targets}]")
    let outcome = try run(folder, "backtest run --folds 4 --step 3 --output b.csv --json")
    try #require(outcome.status == 0, "\(outcome.err)")
    let rows = table(try folder.read("b.csv"))
    #expect(rows[0][4...] == ["actual", "predicted", "p10", "p50", "p90", "last_value"])
    var (ranked, covered) = (0.0, 0.0)
    for row in rows.dropFirst() {
      let (actual, said) = (Double(row[4])!, row[6...8].map { Double($0)! })
      #expect(row[5] == row[7] && said == said.sorted())
      for (level, quantile) in zip([0.1, 0.5, 0.9], said) {
        ranked += 2 * max(level * (actual - quantile), (level - 1) * (actual - quantile)) / 3
      }
      covered += said[0] <= actual && actual <= said[2] ? 1 : 0
    }
    let scores = try #require(try outcome.json()["scores"] as? [[String: Any]])
    let network = try #require((scores[0]["scores"] as? [String: Any])?["network"] as? [String: Any])
    let count = Double(rows.count - 1)
    #expect(abs((network["crps"] as? Double ?? 0) - ranked / count) < 1e-3)
    #expect(abs((network["coverage"] as? Double ?? -1) - covered / count) < 1e-9)
  }

  /// Of an earlier call only what this one would come to is taken.
  @Test func foldsOfAnotherRecipeAreRefused() throws {
    let folder = try Folder()
    try folder.writeWave(epochs: 2)
    func run(_ words: String) throws -> Command.Outcome {
      try self.run(folder, "backtest wave.yaml --folds 2 --out folds --output b.csv " + words)
    }
    try #require(try run("").status == 0)
    let first = try folder.read("b.csv")
    #expect(try run("").status == 0 && folder.read("b.csv") == first)
    let other = try run("--set train.epochs=3")
    #expect(other.status == 65 && other.err.split(separator: "\n").count == 1, "\(other.err)")
    #expect(
      other.err.contains(
        "fold 1 in folds/2-rows-before-the-end is another one: train.epochs: 3, there: train.epochs: 2")
        && other.err.contains("--overwrite"), "\(other.err)")
    #expect(try run("--set train.epochs=3 --overwrite").status == 0 && folder.read("b.csv") != first)
    #expect(try run("--overwrite").status == 0 && folder.read("b.csv") == first)
    try folder.write("wave.csv", folder.read("wave.csv") + "0,0,100\n")
    let grown = try run("")
    #expect(
      grown.status == 65 && grown.err.contains("the data files are not those it was trained on"),
      "\(grown.err)")
  }

  @Test func aRunIsNoPlaceForFolds() throws {
    let folder = try trained()
    let before = try FileManager.default.subpathsOfDirectory(atPath: folder.path("run")).sorted()
    for words in ["backtest wave.yaml --out run", "backtest wave.yaml --out run --overwrite"] {
      let outcome = try run(folder, words)
      #expect(outcome.status == 64 && outcome.err.contains("--out run holds a run"), "\(outcome.err)")
    }
    #expect(try FileManager.default.subpathsOfDirectory(atPath: folder.path("run")).sorted() == before)
    let trained = try run(folder, "backtest run --overwrite")
    #expect(trained.status == 64 && trained.err.contains("--overwrite is for a recipe"), "\(trained.err)")
    let placed = try run(folder, "backtest run --out other")
    #expect(placed.status == 64 && placed.err.contains("--out other is for a recipe"), "\(placed.err)")
  }

  /// A series that ended before the test part has nothing to compare, and does not keep the others from it.
  @Test func seriesThatEndedAreLeftOut() throws {
    let folder = try Folder()
    let rows = ["a", "b", "c"].flatMap { name in
      (0..<(name == "b" ? 40 : 80)).map { "\(name),\($0),\(($0 * 7 + name.utf8.count) % 11)" }
    }
    try folder.write("d.csv", (["s,t,y"] + rows).joined(separator: "\n") + "\n")
    try folder.write(
      "r.yaml",
      """
      data: {format: csv, path: d.csv, series: s, time: t, features: [y], targets: [y], window: 4, horizon: 1,
        split: {by: time, train: 0.6, validation: 0.2, test: rest}}
      model: {cell: gru, hidden_size: 4, head: [{linear: targets}]}
      loss: mse
      train: {epochs: 1, batch_size: 8}
      """)
    try #require(try run(folder, "train r.yaml --out run").status == 0)
    let outcome = try run(folder, "backtest run --folds 3 --output b.csv --json")
    #expect(
      outcome.status == 0 && outcome.err.contains("series 'b' left out: it ends before the test part"),
      "\(outcome.err)")
    #expect(Set(table(try folder.read("b.csv")).dropFirst().map { $0[1] }) == ["a", "c"])
    #expect(try outcome.json()["left_out"] as? [String] == ["b"])
    let early = try run(folder, "backtest run --folds 30")
    #expect(early.status == 65 && early.err.contains("of series 'a', before the test part"), "\(early.err)")
  }

  @Test func whatTrainingHasSeenIsRefused() throws {
    let folder = try trained()
    let outcome = try run(folder, "backtest run --folds 10 --step 2 --output b.csv")
    #expect(outcome.status == 65 && !folder.holds("b.csv"))
    #expect(
      outcome.err.contains("fold 1 begins after row 58, before the test part")
        && outcome.err.split(separator: "\n").count == 1, "\(outcome.err)")
    #expect(try run(folder, "backtest run --folds 9 --step 2").status == 0)
    let none = try trained("--set", "data.split={train: rest, validation: 10}")
    let refused = try run(none, "backtest run")
    #expect(
      refused.status == 65 && refused.err.contains("the run's data have no test part"), "\(refused.err)")
    for (words, message) in [("--folds 0", "--folds must be 1 to"), ("--season 0", "--season must be 1 to")] {
      let outcome = try run(folder, "backtest run \(words)")
      #expect(outcome.status == 64 && outcome.err.contains(message), "\(outcome.err)")
    }
    let long = try run(folder, "backtest wave.yaml --folds 78 --out folds")
    #expect(
      long.status == 65
        && long.err.contains(
          "is longer than its 2 rows once the last 78 are held back for a fold of the backtest; ask for fewer --folds"
        ),
      "\(long.err)")
    let all = try run(folder, "backtest run --folds 80")
    #expect(all.status == 65 && all.err.contains("there are 0 once the last 240 are held back"), "\(all.err)")
  }
}
