import Foundation
import TestSupport
import Testing

/// `recur init`: a recipe for whatever table there is, which trains as it stands.
@Suite(.tags(.mpi)) struct InitTests {
  /// The recipe, checked by `recipe check` and trained for an epoch, and what was said.
  @discardableResult
  func initialize(_ folder: Folder, _ words: String...) throws -> (recipe: String, guesses: String) {
    let outcome = try Command.run(arguments: ["init"] + words, in: folder.url)
    try #require(outcome.status == 0, "\(words): \(outcome.err)")
    try folder.write("recipe.yaml", outcome.out)
    let check = try Command.run("recipe", "check", "recipe.yaml", in: folder.url)
    #expect(check.status == 0, "\(words): \(check.err)\n\(outcome.out)")
    let train = try Command.run(
      "train", "recipe.yaml", "--out", "run", "--overwrite", "--set", "train.epochs=1", in: folder.url)
    #expect(train.status == 0, "\(words): \(train.err)\n\(outcome.out)")
    return (outcome.out, outcome.err)
  }

  func has(_ recipe: String, _ lines: String...) -> Bool {
    let own = recipe.split(separator: "\n").map {
      $0.split(separator: "#", maxSplits: 1)[0].trimmingCharacters(in: .whitespaces)
    }
    return lines.allSatisfy { own.contains($0) }
  }

  @Test(arguments: ["ibm.csv", "diabetes.csv", "digits-train.npy", "digits-test.npy"])
  func bundledFiles(_ name: String) throws {
    try initialize(Folder(), Command.repository.appendingPathComponent("launch/data/\(name)").path)
  }

  @Test func aSeriesWithTimes() throws {
    let folder = try Folder()
    let path = Command.repository.appendingPathComponent("launch/data/ibm.csv").path
    let (recipe, guesses) = try initialize(
      folder, path, "--target", "Close", "--horizon", "5", "--window", "9")
    #expect(
      has(
        recipe, "time: Date", "targets: [Close]", "window: 9", "horizon: [1, 5]", "relative: true",
        "head: [{linear: targets}]"))
    #expect(
      has(recipe, "features: [Open, High, Low, Close, Volume]", "calendar: [weekday, year_day]"), "\(recipe)")
    #expect(recipe.contains("a row every day") && guesses.contains("time: 'Date'"))
  }

  @Test func aPanel() throws {
    let folder = try Folder()
    let lines = (0..<60).flatMap { day in
      ["A", "B", "C"].map {
        "2024-\(day < 30 ? "01" : "02")-\(String(format: "%02d", day % 28 + 1)),\($0),\(day),\(day * 7 % 5)"
      }
    }
    // Thirty days of January do not fit into 28: two of them come again.
    try folder.write(
      "panel.csv",
      (["date,symbol,close,volume"] + lines.filter { !$0.hasPrefix("2024-01-01") }).joined(separator: "\n"))
    let clash = try Command.run("init", "panel.csv", in: folder.url)
    #expect(clash.status == 65 && clash.err.contains("data.series"), "\(clash.err)")
    let days = (0..<60).map { 20_000 + $0 }
    let dates = days.map {
      Date(timeIntervalSince1970: Double($0) * 86_400).ISO8601Format(.iso8601.year().month().day())
    }
    let rows = dates.enumerated().flatMap { day, date in
      ["A", "B", "C"].map { "\(date),\($0),\(day),\(day * 7 % 5)" }
    }
    try folder.write("panel.csv", (["date,symbol,close,volume"] + rows).joined(separator: "\n") + "\n")
    let (recipe, guesses) = try initialize(folder, "panel.csv")
    #expect(guesses.contains("series: 'symbol', 3 of them") && guesses.contains("target: 'close'"))
    #expect(
      has(
        recipe, "series: [symbol]", "scale_per: series",
        "split: {by: time, train: 0.7, validation: 0.15, test: rest}"))
    #expect(
      has(
        try initialize(folder, "panel.csv", "--series", "symbol", "--target", "volume").recipe,
        "targets: [volume]"))
  }

  @Test func aTableFromAnotherCountry() throws {
    let folder = try Folder()
    let rows = (0..<90).map {
      "\(String(format: "%02d", $0 % 28 + 1)).\(String(format: "%02d", $0 / 28 + 1)).2022;\($0 + 1).234,5\($0 % 10);\($0 % 7),25"
    }
    try folder.write(
      "de.csv", "\u{FEFF}" + (["Datum;Umsatz in €;y"] + rows).joined(separator: "\r\n") + "\r\n")
    let (recipe, guesses) = try initialize(folder, "de.csv", "--target", "Umsatz in €")
    #expect(
      has(
        recipe, "delimiter: \";\"", "decimal: \",\"", "thousands: \".\"", "time_format: \"%d.%m.%Y\"",
        "targets: [\"Umsatz in €\"]"), "\(recipe)")
    #expect(
      guesses.contains("columns are set apart by ';'") && guesses.contains("fractions stand after ','"))
    let us = (0..<60).map { "\($0 % 12 + 1)/\($0 % 28 + 1)/20\(10 + $0 / 12),\"\($0 + 1),000\"" }
    try folder.write("us.csv", (["when,sales"] + us).joined(separator: "\n") + "\n")
    let american = try initialize(folder, "us.csv", "--horizon", "2").recipe
    #expect(has(american, "thousands: \",\"", "time_format: \"%m/%d/%Y\"", "horizon: [1, 2]"), "\(american)")
  }

  @Test func classesAndMissingValues() throws {
    let folder = try Folder()
    let rows = (0..<80).map {
      "\($0),\($0 % 9 == 0 ? "NA" : "\($0 % 13)"),\($0 % 11 == 0 ? "missing" : "\($0 * 3 % 8)"),\(["Rome", "Oslo"][$0 % 2]),\($0 % 3 == 0 ? "yes" : "no")"
    }
    try folder.write("t.csv", (["id,age,income,city,bought"] + rows).joined(separator: "\n") + "\n")
    let (recipe, guesses) = try initialize(folder, "t.csv")
    #expect(
      has(
        recipe, "label: bought", "categorical: [city]", "features: [age, income]", "gaps: mask", "cell: none"),
      "\(recipe)")
    #expect(
      guesses.contains("'id' is not read: it counts the rows") && guesses.contains("'missing' among numbers"))
    #expect(has(try initialize(folder, "t.csv", "--target", "age").recipe, "targets: [age]", "loss: mse"))
    #expect(
      has(try initialize(folder, "t.csv", "--label", "city").recipe, "label: city", "categorical: [bought]"))
  }

  @Test func texts() throws {
    let folder = try Folder()
    let rows = (0..<80).map { "\"a \($0 % 2 == 0 ? "good" : "bad") film, number \($0)\",\($0 % 2)" }
    try folder.write("t.csv", (["review,stars"] + rows).joined(separator: "\n") + "\n")
    for words in [
      ["t.csv"], ["t.csv", "--text", "review"], ["t.csv", "--text", "review", "--label", "stars"],
    ] {
      let outcome = try Command.run(arguments: ["init"] + words, in: folder.url)
      #expect(outcome.status == 0 && outcome.out.contains("text: review"), "\(outcome.err)")
    }
    #expect(
      has(
        try initialize(folder, "t.csv", "--text", "review", "--label", "stars").recipe, "tokens: word",
        "label: stars"))
    try folder.write("book.txt", String(repeating: "In the beginning was the word. ", count: 60))
    #expect(try initialize(folder, "book.txt").guesses.contains("format: text"))
    try folder.write("s.ts", ArrayFiles.ts)
    #expect(has(try initialize(folder, "s.ts").recipe, "format: ts", "head: [{linear: classes}]"))
  }

  @Test(arguments: [(3, "a row every quarter"), (12, "a row every year"), (6, "a row every 6 months")])
  func stepsOfMonths(_ months: Int, _ words: String) throws {
    let folder = try Folder()
    let rows = (0..<60).map { row in
      let month = row * months
      return "\(1950 + month / 12)-\(String(format: "%02d", month % 12 + 1))-01,\(row * 7 % 11)"
    }
    try folder.write("t.csv", (["when,y"] + rows).joined(separator: "\n") + "\n")
    let recipe = try initialize(folder, "t.csv").recipe
    #expect(recipe.contains(words), "\(recipe)")
  }

  /// The rule that init chooses works, wherever something is missing.
  @Test func seriesWithGaps() throws {
    let folder = try Folder()
    let text = ArrayFiles.ts.replacing("@missing false", with: "@missing true")
      .replacing("@equalLength true\n@seriesLength 3\n", with: "")
    try folder.write("s.ts", text.replacing("1,2,3:10,20,30", with: "?,2,3:10,20,?"))
    #expect(has(try initialize(folder, "s.ts").recipe, "gaps: mask"))
    try folder.write("whole.ts", ArrayFiles.ts)
    #expect(try !initialize(folder, "whole.ts").recipe.contains("gaps:"))
    // What is missing in the test part alone asks for it too.
    try folder.write("W_TRAIN.ts", ArrayFiles.ts)
    try folder.write("W_TEST.ts", text.replacing("1,2,3:10,20,30", with: "1,?,3:10,20,30"))
    #expect(has(try initialize(folder, "W_TRAIN.ts").recipe, "gaps: mask"))
  }

  /// What a column was taken for is said where that is not what a person would have thought.
  @Test func whatWasTakenForWhatIsSaid() throws {
    let folder = try Folder()
    func table(_ name: String, _ header: String, _ row: (Int) -> String) throws {
      try folder.write(name, ([header] + (0..<80).map(row)).joined(separator: "\n") + "\n")
    }
    func day(_ i: Int) -> String { String(format: "2024/%02d/%02d", i / 28 + 1, i % 28 + 1) }
    try table("shop.csv", "Date,Units,Revenue") {
      "\(day($0)),\($0 % 7 == 3 ? "n/a" : "\($0 % 7)"),\($0 % 6 == 0 ? "-" : "\($0 * 3 % 11)")"
    }
    let (recipe, guesses) = try initialize(folder, "shop.csv", "--horizon", "2")
    #expect(has(recipe, "targets: [Revenue]", "gaps: mask") && recipe.contains("na: [\"-\""), "\(recipe)")
    #expect(guesses.contains("'-' among numbers stands for a missing value"), "\(guesses)")
    try table("epoch.csv", "t,y") { "\(1_616_198_400 + 3600 * $0),\($0 % 5)" }
    let epoch = try initialize(folder, "epoch.csv").guesses
    #expect(epoch.contains("'t' rises by 3600 from each row to the next") && epoch.contains("give --time t"))
    try table("index.csv", ",a,b") { "\($0),\($0 % 5),\($0 % 3)" }
    #expect(try initialize(folder, "index.csv").guesses.contains("column 1 has no name in the header"))
    try table("percent.csv", "t,y") { "\($0),\($0 % 9).5%" }
    try table("weather.csv", "t,x,weather") { "\($0),\($0 % 9),\(["wet", "dry"][$0 % 2])" }
    try table("one.csv", "y") { "\($0 * 7 % 9).5" }
    try table("quarters.csv", "t,y") { "\(1980 + $0 / 4)-Q\($0 % 4 + 1),\($0 * 7 % 9)" }
    try table("nameless.csv", "a,") { _ in "1,2" }
    for (words, code, texts) in [
      (
        ["percent.csv", "--target", "y", "--horizon", "4"], Int32(65),
        ["'y' was taken for a class", "80 of 80 rows have a text there, such as '0.5%', '1.5%', '2.5%'"]
      ),
      (["weather.csv", "--horizon", "3"], 65, ["'weather' was taken for a class", "--target"]),
      (["weather.csv", "--label", "weather", "--horizon", "3"], 64, ["--label weather is a class"]),
      (["one.csv"], 65, ["no column is left to learn from", "--horizon 1"]),
      (["quarters.csv"], 65, ["('t' has 80 different texts)", "--horizon 1"]),
      (["nameless.csv"], 65, ["(column 2 has no name in line 1)"]),
    ] {
      let outcome = try Command.run(arguments: ["init"] + words, in: folder.url)
      #expect(
        outcome.status == code && texts.allSatisfy(outcome.err.contains) && outcome.out.isEmpty
          && outcome.err.split(separator: "\n").count == 1, "\(words): \(outcome.err)")
    }
  }

  @Test func whatCannotBeTrainedIsALine() throws {
    let folder = try Folder()
    try folder.write("t.csv", "a,b\n1,2\n3,4\n5,6\n")
    try folder.write("empty.csv", "")
    try folder.write("ragged.csv", "a,b\n1,2\n3\n")
    try folder.write("p.parquet", "PAR1xxxxPAR1")
    for (words, code, text) in [
      (["t.csv", "--target", "c"], Int32(64), "there is no column 'c' (--target); the columns are 'a', 'b'"),
      (["t.csv", "--target", "a", "--label", "b"], 64, "not both"), (["absent.csv"], 66, "absent.csv"),
      (["empty.csv"], 65, "is empty"), (["ragged.csv"], 65, "line 3"), (["p.parquet"], 65, "from_parquet.py"),
      (["t.csv", "--window", "9"], 65, "t.csv"), (["t.csv", "--horizon", "0"], 64, "--horizon"),
    ] {
      let outcome = try Command.run(arguments: ["init"] + words, in: folder.url)
      #expect(
        outcome.status == code && outcome.err.contains(text) && outcome.out.isEmpty,
        "\(words): \(outcome.status) \(outcome.err)")
    }
  }
}
