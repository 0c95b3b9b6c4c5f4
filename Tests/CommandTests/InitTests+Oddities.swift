import Foundation
import TestSupport
import Testing

/// Tables that are not as a program would have written them.
extension InitTests {
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
}
