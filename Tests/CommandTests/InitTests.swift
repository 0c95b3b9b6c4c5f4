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
