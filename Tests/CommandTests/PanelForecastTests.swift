import Foundation
import TestSupport
import Testing

/// Forecasts of tables of several series, with times.
@Suite(.tags(.mpi)) struct PanelForecastTests {
  /// Three series, interleaved, by the last days of months, `shop` A and B of 30 rows and C of 10.
  func folder(_ change: (String) -> String = { $0 }, train: Bool = true) throws -> Folder {
    let folder = try Folder()
    var lines = ["month,shop,sales,promo,weather"]
    for row in 0..<30 {
      for (place, shop) in ["A", "B", "C"].enumerated() where shop != "C" || row >= 20 {
        let sales = 10 * Double(place + 1) + 3 * sin(Double(row + place))
        lines.append(
          "\(Self.month(row)),\(shop),\(sales),\((row + place) % 3),\(["dry", "wet"][row / 2 % 2])")
      }
    }
    try folder.write("shops.csv", lines.joined(separator: "\n") + "\n")
    try folder.write(
      "shops.yaml",
      change(
        """
        name: shops
        data:
          format: csv
          path: shops.csv
          series: shop
          time: month
          features: [sales]
          targets: [sales]
          known: [promo]
          categorical: [shop2]
          calendar: [month]
          scale: standard
          scale_per: series
          window: 6
          horizon: [1, 2]
          split: {train: 0.7, test: rest}
        model: {cell: gru, hidden_size: 5, readout: last_step, head: [{linear: 2}]}
        loss: mse
        train: {epochs: 2, batch_size: 8}
        """.replacingOccurrences(of: "categorical: [shop2]", with: "categorical: [weather]")))
    if train {
      let outcome = try Command.run("train", "shops.yaml", "--out", "run", in: folder.url)
      try #require(outcome.status == 0, "\(outcome.err)")
    }
    return folder
  }

  /// The last day of a month from January 2023 on.
  static func month(_ number: Int) -> String {
    let (year, month) = (2023 + number / 12, number % 12 + 1)
    let days = [31, year % 4 == 0 ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1]
    return String(format: "%d-%02d-%02d", year, month, days)
  }

  func known(_ folder: Folder, _ months: Range<Int>, weather: Bool = true) throws {
    var lines = ["month,shop,promo" + (weather ? ",weather" : "")]
    for row in months {
      for shop in ["A", "B", "C"] {
        lines.append("\(Self.month(row)),\(shop),\(row % 3)" + (weather ? ",wet" : ""))
      }
    }
    try folder.write("known.csv", lines.joined(separator: "\n") + "\n")
  }

  func run(_ folder: Folder, _ words: String) throws -> Command.Outcome {
    try Command.run(arguments: words.split(separator: " ").map(String.init), in: folder.url)
  }

  @Test func aSeriesThatTrainingDidNotSeeIsNamed() throws {
    let folder = try folder()
    try folder.write("new.csv", folder.read("shops.csv").replacingOccurrences(of: ",A,", with: ",New,"))
    let note = "recur: series 'New' was not in training: it takes the scale over all series\n"
    for words in ["predict run --input new.csv -o p.csv", "evaluate run --set data.path=new.csv"] {
      let outcome = try run(folder, words)
      #expect(outcome.status == 0 && outcome.err == note, "\(words): \(outcome.err)")
    }
    #expect(try !run(folder, "evaluate run").err.contains("not in training"))
  }

  @Test func whetherTargetsAreChangesIsTheCheckpoints() throws {
    let folder = try folder()
    for words in ["forecast run --steps 1", "predict run", "evaluate run", "backtest run"] {
      let outcome = try run(folder, words + " --set data.relative=true")
      #expect(
        outcome.status == 65
          && outcome.err.contains("data.relative: true (the checkpoint: it is not set)"),
        "\(words): \(outcome.err)")
    }
    #expect(try run(folder, "evaluate run --set data.relative=false").status == 0)
  }

  @Test func monthsGoOnForEachSeries() throws {
    let folder = try folder()
    // A file of all months, of which those after the last are read.
    try known(folder, 0..<36)
    let outcome = try run(folder, "forecast run --known known.csv --steps 5")
    try #require(outcome.status == 0, "\(outcome.err)")
    let rows = outcome.out.split(separator: "\n").map { $0.split(separator: ",").map(String.init) }
    #expect(rows[0] == ["series", "time", "step", "predicted"] && rows.count == 16)
    for (index, row) in rows.dropFirst().enumerated() {
      #expect(
        Array(row[..<3]) == [["A", "B", "C"][index / 5], Self.month(30 + index % 5), "\(index % 5 + 1)"])
    }
    // Each in its own units.
    for (place, shop) in ["A", "B", "C"].enumerated() {
      for row in rows where row[0] == shop { #expect(abs(Double(row[3])! - 10 * Double(place + 1)) < 5) }
    }
    // Without the training data.
    try folder.write("history.csv", folder.read("shops.csv"))
    try FileManager.default.removeItem(atPath: folder.path("shops.csv"))
    let other = try run(folder, "forecast run --input history.csv --known known.csv --steps 5")
    #expect(other.out == outcome.out, "\(other.err)")
  }

  /// A name of several parts is the same in what is known as in the history.
  @Test func namesOfSeveralPartsMayHaveAnyMark() throws {
    let folder = try Folder()
    let names = ["a/b,c", "a,b/c", "x\\,/"]
    func table(_ days: ClosedRange<Int>) -> String {
      (["s1,s2,date,y,k"]
        + names.flatMap { name in
          days.map { "\(name),2024-01-\(String(format: "%02d", $0)),\($0 * 3 % 7),\($0 % 2)" }
        }).joined(separator: "\n") + "\n"
    }
    try folder.write("d.csv", table(1...20))
    try folder.write("known.csv", table(21...22))
    try folder.write(
      "d.yaml",
      """
      data: {format: csv, path: d.csv, series: [s1, s2], time: date, features: [y], known: [k], targets: [y], window: 5, horizon: [1, 2]}
      model: {cell: gru, hidden_size: 4, readout: last_step, head: [{linear: targets}]}
      loss: mse
      train: {epochs: 1, batch_size: 64}
      """)
    #expect(try run(folder, "train d.yaml --out run").status == 0)
    let outcome = try run(folder, "forecast run --known known.csv -o f.csv --json")
    #expect(outcome.status == 0, "\(outcome.err)")
    #expect(try outcome.json()["rows"] as? Int == 6)
    let backtest = try run(folder, "backtest run --known known.csv --folds 1 --json")
    #expect(!backtest.err.contains("there is no series"), "\(backtest.err)")
  }

  @Test func aTableAndAPictureAreTwoFiles() throws {
    let folder = try folder()
    try known(folder, 30..<36)
    // By its name it can be a table or a picture; by a link it is both.
    try folder.write("f.svg", "old")
    #expect(symlink("f.svg", folder.path("f.csv")) == 0)
    for picture in ["f.svg", "./f.svg"] {
      let outcome = try run(folder, "forecast run --known known.csv --output f.csv --plot \(picture)")
      #expect(
        outcome.status == 64 && outcome.err.contains("--plot \(picture) is the file of --output as well"),
        "\(outcome.err)")
      #expect(try folder.read("f.svg") == "old")
    }
  }

  /// What a fold of a recipe forecasts is what training on the file cut there, and forecasting from it, gives.
  @Test func foldsOfARecipeAreTrainedOnWhatLiesBefore() throws {
    let folder = try folder(
      { $0.replacingOccurrences(of: "train: 0.7, test: rest", with: "train: rest, validation: 0.2") },
      train: false)
    let outcome = try run(
      folder, "backtest shops.yaml --folds 2 --step 3 --season 12 --out folds --output b.csv --json")
    try #require(outcome.status == 0, "\(outcome.err)")
    let found = try folder.read("b.csv").split(separator: "\n").map {
      $0.split(separator: ",").map(String.init)
    }
    #expect(
      found[0] == ["fold", "series", "time", "step", "actual", "predicted", "last_value", "seasonal_naive"])
    // C has five rows before the first origin: none.
    #expect(found.count == 1 + 2 * 2 + 3 * 2)
    let all = try folder.read("shops.csv").split(separator: "\n")
    let months = Set((25..<30).map { Self.month($0) })
    let before = all.filter { line in !months.contains { line.hasPrefix($0) } }
    try folder.write("cut.csv", before.joined(separator: "\n") + "\n")
    try #require(try run(folder, "train shops.yaml --out cut --set data.path=cut.csv").status == 0)
    try known(folder, 25..<27)
    let lines = all.filter { line in [25, 26].contains { line.hasPrefix(Self.month($0)) } }
    try folder.write("known.csv", ([String(all[0])] + lines.map(String.init)).joined(separator: "\n") + "\n")
    let cut = try run(folder, "forecast cut --known known.csv")
    try #require(cut.status == 0, "\(cut.err)")
    let forecast = cut.out.split(separator: "\n").dropFirst().map {
      $0.split(separator: ",").map(String.init)
    }
    #expect(found[1...4].map { $0[5] } == forecast.prefix(4).map { $0[3] })
  }
}
