import Foundation
import TestSupport
import Testing

/// An encoder-decoder of numbers from the table to the forecast.
@Suite(.tags(.mpi)) struct NumberDecoderCommandTests {
  private static let rows = 80

  private func table(_ rows: Range<Int>) -> String {
    let lines = rows.map { row in
      let sales = 20 + 8 * sin(Double(row) * 0.7) + Double(row % 3)
      return "2024-\(row / 28 + 1)-\(row % 28 + 1),\(sales),\(row % 3),\(["dry", "wet"][row / 2 % 2])"
    }
    return (["date,sales,promo,weather"] + lines).joined(separator: "\n") + "\n"
  }

  private func folder(_ change: (String) -> String = { $0 }) throws -> Folder {
    let folder = try Folder()
    try folder.write("sales.csv", table(0..<Self.rows))
    try folder.write(
      "sales.yaml",
      change(
        """
        name: sales
        data:
          format: csv
          path: sales.csv
          features: [sales]
          targets: [sales]
          known: [promo]
          categorical: [weather]
          scale: standard
          window: 8
          horizon: [1, 4]
          split: {train: 0.6, validation: 0.2, test: rest}
        model: {cell: lstm, hidden_size: 6, decoder: {attention: dot}, head: [{linear: targets}]}
        loss: {name: quantile, levels: [0.1, 0.5, 0.9]}
        train: {epochs: 2, batch_size: 8}
        """))
    return folder
  }

  private func run(_ folder: Folder, _ words: String) throws -> Command.Outcome {
    try Command.run(arguments: words.split(separator: " ").map(String.init), in: folder.url)
  }

  private func done(_ folder: Folder, _ words: String) throws -> String {
    let outcome = try run(folder, words)
    try #require(outcome.status == 0, "\(words): \(outcome.err)")
    return outcome.out
  }

  @Test func everyCommandKnowsIt() throws {
    let folder = try folder()
    _ = try done(folder, "train sales.yaml --out run")
    // 3 quantiles of one target at each of four steps; the decoder reads the target and the promotion.
    for what in ["sales.yaml", "run"] {
      let layers = try done(folder, "inspect \(what)")
      for line in ["decoder", "attention", "linear 6 → 3"] { #expect(layers.contains(line), "\(layers)") }
    }
    _ = try done(folder, "evaluate run")
    let predicted = try done(folder, "predict run --split test").split(separator: "\n")
    #expect(predicted[0].contains("predicted_sales+4"), "\(predicted[0])")
    var lines = ["promo,weather"]
    lines += (0..<8).map { "\($0 % 3),wet" }
    try folder.write("known.csv", lines.joined(separator: "\n") + "\n")
    let rows = try done(folder, "forecast run --known known.csv --steps 6").split(separator: "\n")
    #expect(rows.count == 7 && rows[0] == "series,time,step,predicted,p10,p50,p90", "\(rows)")
    #expect(try done(folder, "backtest run --folds 2 --json").contains("\"mase\""))
  }

  @Test func aFileCutAtARowForecastsWhatTheWholeOnePredicts() throws {
    let folder = try folder { $0.replacing("known: [promo]", with: "known: []") }
    _ = try done(folder, "train sales.yaml --out run")
    let whole = try done(folder, "predict run --input sales.csv").split(separator: "\n")
    for end in [30, 57] {
      try folder.write("cut.csv", table(0..<end))
      let forecast = try done(folder, "forecast run --input cut.csv").split(separator: "\n").dropFirst()
      let ahead = forecast.map { $0.split(separator: ",", omittingEmptySubsequences: false)[3] }
      let columns = whole[0].split(separator: ",", omittingEmptySubsequences: false)
      // The window that ends with the last row of the cut file.
      let line = whole[1 + end - 8].split(separator: ",", omittingEmptySubsequences: false)
      for (step, value) in ahead.enumerated() {
        let column = try #require(columns.firstIndex(of: "predicted_sales+\(step + 1)"))
        #expect(line[column] == value)
      }
    }
  }

  @Test(arguments: [
    ("horizon: [1, 4]", "per_step: true", "model.decoder is for data.format pairs, and for csv windows"),
    ("{attention: dot}", "{embedding: 4}", "model.decoder.embedding is for the tokens"),
    ("{attention: dot}", "{beam: 3}", "model.decoder.beam is for the tokens"),
    ("{attention: dot}", "{teacher_forcing: 2}", "model.decoder.teacher_forcing must be between 0 and 1"),
    ("linear: targets", "linear: 7", "7 outputs for each of 4 steps; make the last linear of its head 3"),
    ("linear: targets", "linear: 12", "make the last linear of its head 3 (in a recipe model.head"),
    (
      "cell: lstm, hidden_size: 6, ", "cell: lstm, hidden_size: 6, layer_norm: true, ",
      "goes with plain layers"
    ),
  ]) func whatDoesNotFitIsSaid(_ from: String, _ to: String, _ message: String) throws {
    let folder = try folder { $0.replacing(from, with: to) }
    let outcome = try run(folder, "train sales.yaml --out run")
    #expect(outcome.status == 65 && outcome.err.contains(message), "\(outcome.err)")
    #expect(!FileManager.default.fileExists(atPath: folder.path("run")))
  }
}
