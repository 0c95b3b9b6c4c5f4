import Foundation
import TestSupport
import Testing

/// `recur init`: a recipe for whatever table there is, which trains as it stands.
@Suite struct InitTests {
  /// The recipe, checked by `recipe check` and trained for an epoch, and what was said.
  @discardableResult
  private func initialize(_ folder: Folder, _ words: String...) throws -> (recipe: String, guesses: String) {
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

  private func has(_ recipe: String, _ lines: String...) -> Bool {
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
      guesses.contains("columns are set apart by ';'") && guesses.contains("fractions stand behind ','"))
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

  @Test func awkwardTables() throws {
    let folder = try Folder()
    func numbers(_ header: String, _ row: (Int) -> String, rows: Int = 40, _ delimiter: String = "\n")
      -> String
    {
      ((header.isEmpty ? [] : [header]) + (0..<rows).map(row)).joined(separator: delimiter) + delimiter
    }
    for (name, text) in [
      ("no header", numbers("", { "\($0 % 7),\(Double($0) * 0.5),\($0 % 3)" })),
      ("few", numbers("a,b", { "\($0),\($0 * 2)" }, rows: 8)),
      ("names: like, yaml", numbers("a: b,\"c, d\",yes", { "\($0 % 5),\($0 * 2 % 7),\($0 % 3)" })),
      ("an empty column", numbers("a,e,y", { "\($0 % 5),,\($0 % 3)" })),
      ("truths", numbers("a,flag,y", { "\($0 % 5),\($0 % 2 == 0),\(Double($0 % 4) / 2)" })),
      ("carriage returns", numbers("a,b", { "\($0 % 5),\($0 % 3)" }, "\r")),
      ("a constant", numbers("a,c,y", { "\($0 % 5),1,\($0 % 3)" })),
      ("tabs", numbers("x\ty", { "\($0 % 9)\t\($0 % 4)" })),
      ("bars", numbers("x|y", { "\($0 % 9)|\($0 % 4)" })),
      ("blanks", numbers("x, y", { " \($0 % 9) , \($0 % 4) " })),
      ("months", numbers("m,y", { "\(2000 + $0 / 12)-\(String(format: "%02d", $0 % 12 + 1)),\($0 % 5)" })),
      (
        "gaps in time",
        numbers(
          "t,y",
          { "2024-01-\(String(format: "%02d", $0 / 2 + 1))T\($0 % 2 == 0 ? "08" : "17"):30:00Z,\($0 % 5)" })
      ),
    ] {
      try folder.write("\(name).csv", text)
      try initialize(folder, "\(name).csv")
    }
  }

  @Test func namesThatStandTwice() throws {
    let folder = try Folder()
    let rows = (0..<40).map { "\($0 % 7),\($0 % 5),\($0 % 3),\(Double($0 % 4) / 2)" }
    try folder.write("t.csv", (["x,y,y,z"] + rows).joined(separator: "\n") + "\n")
    let refused = try Command.run("init", "t.csv", "--target", "y", in: folder.url)
    #expect(
      refused.status == 65
        && refused.err.contains("t.csv, line 1: columns 2 and 3 are both called 'y' (--target); rename one"),
      "\(refused.err)")
    let (recipe, guesses) = try initialize(folder, "t.csv")
    #expect(has(recipe, "features: [x]", "targets: [z]") && !recipe.contains("header: false"), "\(recipe)")
    #expect(guesses.contains("'y' is not read: it is what 2 columns are called"), "\(guesses)")
    try folder.write("only.csv", "y,y\n1,2\n3,5\n")
    let only = try Command.run("init", "only.csv", in: folder.url)
    #expect(
      only.status == 65 && only.err.contains("no column is left to predict")
        && only.err.contains("'y' is what 2 columns are called"),
      "\(only.err)")
    // A first row of texts two of which are the same is a row where they stand below as well.
    let texts = (0..<40).map { "\(["u", "v"][$0 % 2]),\(["v", "u"][$0 / 2 % 2]),\($0 % 5)" }
    try folder.write("rows.csv", (["u,u,2"] + texts).joined(separator: "\n") + "\n")
    #expect(has(try initialize(folder, "rows.csv").recipe, "header: false"))
  }

  @Test func columnsWithoutValues() throws {
    let folder = try Folder()
    let rows = (0..<40).map { row in
      "2024-01-\(row == 7 ? "" : String(format: "%02d", row % 28 + 1)),NA,\(row % 2 == 0 ? "" : "1"),\(row % 5),\(row % 3)"
        .replacing("2024-01-,", with: ",")
    }
    try folder.write("t.csv", (["day,none,half,x,y"] + rows).joined(separator: "\n") + "\n")
    for option in ["--target", "--label", "--time"] {
      let outcome = try Command.run("init", "t.csv", option, "none", in: folder.url)
      #expect(
        outcome.status == 65 && outcome.err.contains("column 'none' (\(option)) has no value in any row"),
        "\(outcome.err)")
    }
    let (recipe, guesses) = try initialize(folder, "t.csv", "--target", "y")
    #expect(has(recipe, "features: [x]") && !recipe.contains("time:"), "\(recipe)")
    #expect(guesses.contains("'half' is not read: it has one value only, and none in 20 rows"), "\(guesses)")
    #expect(
      guesses.contains("'day' is not read: it has dates, but none in 1 row: fill them in"), "\(guesses)")
    try folder.write("no.csv", "a,b\nNA,\n,NA\n")
    let nothing = try Command.run("init", "no.csv", in: folder.url)
    #expect(nothing.status == 65 && nothing.err.contains("no column is left to predict"), "\(nothing.err)")
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

  @Test func classesThatStandTogether() throws {
    let folder = try Folder()
    func table(_ label: (Int) -> String) throws {
      let rows = (0..<90).map { "\($0 * 7 % 13),\(label($0))" }
      try folder.write("t.csv", (["x,y"] + rows).joined(separator: "\n") + "\n")
    }
    let words = "samples of one class stand together"
    try table { ["a", "b", "c"][$0 / 30] }
    #expect(try initialize(folder, "t.csv", "--label", "y").guesses.contains(words))
    try table { ["a", "b", "c"][$0 * 5 % 7 % 3] }
    #expect(try !initialize(folder, "t.csv", "--label", "y").guesses.contains(words))
    let series = (0..<40).map { "\($0),\($0 * 3 % 7):\($0 / 20 == 0 ? "a" : "b")" }
    try folder.write("s.ts", "@classLabel true a b\n@data\n" + series.joined(separator: "\n") + "\n")
    #expect(try initialize(folder, "s.ts").guesses.contains(words))
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
