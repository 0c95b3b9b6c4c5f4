import Foundation
import TestSupport
import Testing

/// What `recur init` takes a file for, and a table's columns: of the files that people have.
@Suite(.tags(.mpi)) struct InitFormatTests {
  private let folder: Folder

  init() throws { folder = try Folder() }

  private func run(_ words: String...) throws -> Command.Outcome {
    try Command.run(arguments: ["init"] + words, in: folder.url)
  }

  private func table(_ name: String, _ header: String, rows: Int = 60, _ row: (Int) -> String) throws {
    try folder.write(
      name, (([header] + (0..<rows).map(row)).filter { !$0.isEmpty }).joined(separator: "\n") + "\n")
  }

  private func day(_ i: Int) -> String { String(format: "2024-%02d-%02d", i / 28 + 1, i % 28 + 1) }

  /// The recipe, which trains and, where it has a time, forecasts.
  private func trained(_ words: String..., forecasts: Bool = true) throws -> (recipe: String, guesses: String)
  {
    let outcome = try Command.run(arguments: ["init"] + words, in: folder.url)
    try #require(outcome.status == 0, "\(words): \(outcome.err)")
    try folder.write("recipe.yaml", outcome.out)
    let train = try Command.run(
      "train", "recipe.yaml", "--out", "run", "--overwrite", "--set", "train.epochs=1", in: folder.url)
    #expect(train.status == 0, "\(words): \(train.err)\n\(outcome.out)")
    if forecasts {
      let forecast = try Command.run("forecast", "run", in: folder.url)
      #expect(forecast.status == 0, "\(words): \(forecast.err)")
    }
    return (outcome.out, outcome.err)
  }

  /// Numbers and years may be names of columns: what stands above dates and numbers is a header.
  @Test func numbersMayBeNames() throws {
    for (name, header) in [("shops", "Date,1001,1002,1003"), ("mixed", "Date,x,123,{a}")] {
      try table("\(name).csv", header) { "\(day($0)),\($0 % 7),\($0 % 5),\($0 % 3)" }
      let (recipe, _) = try trained("\(name).csv")
      #expect(!recipe.contains("header: false") && recipe.contains("time: Date"), "\(recipe)")
    }
    try table("de.csv", "Datum;1;2", rows: 31) {
      String(format: "%02d.01.2024", $0 + 1) + ";\($0 % 7);\($0 % 5)"
    }
    #expect(try trained("de.csv").recipe.contains("time_format: \"%d.%m.%Y\""))
    try table("years.csv", "country,2019,2020,2021") {
      "land \(["a", "b", "c"][$0 % 3])\($0),\($0),\($0 % 5),\($0 % 3)"
    }
    #expect(try !trained("years.csv", forecasts: false).recipe.contains("header: false"))
    try table("none.csv", "") { "\($0 % 7),\(Double($0) * 0.5),\(["x", "y"][$0 % 2])" }
    #expect(try trained("none.csv", forecasts: false).recipe.contains("header: false"))
    // Texts that all stand below again are a row.
    try table("pairs.csv", "") { "\(["a", "b"][$0 % 2]) z,\(["u", "v", "w"][$0 % 3])" }
    #expect(try trained("pairs.csv", forecasts: false).recipe.contains("header: false"))
  }

  @Test func tablesOfTheArchive() throws {
    for part in ["TRAIN", "TEST"] {
      try table("Toy_\(part).tsv", "", rows: 24) { row in
        (["\(row % 3 + 1)"] + (0..<6).map { "\(Double($0 * (row % 3 + 1)) * 0.25)" }).joined(separator: "\t")
      }
    }
    let (recipe, guesses) = try trained("Toy_TRAIN.tsv", forecasts: false)
    #expect(recipe.contains("format: ts") && recipe.contains("Toy_TEST.tsv"), "\(recipe)")
    #expect(guesses.contains("a table of UCR's archive"), "\(guesses)")
    #expect(try run("Toy_TRAIN.tsv", "--format", "csv").out.contains("format: csv"))
  }

  /// What a file is called decides where its lines do not.
  @Test func textsOfSeveralLines() throws {
    let rows = (0..<60).map { "\($0 % 2)\t\"\(["good", "bad"][$0 % 2]) film\nnumber \($0)\"" }
    let text = (["label\treview"] + rows).joined(separator: "\n") + "\n"
    try folder.write("s.tsv", text)
    #expect(try trained("s.tsv", forecasts: false).recipe.contains("text: review"))
    try Data(ArrayFiles.gzip(Array(text.utf8))).write(to: folder.url.appendingPathComponent("s.tsv.gz"))
    #expect(try trained("s.tsv.gz", forecasts: false).recipe.contains("text: review"))
  }

  @Test(arguments: ["\t", " "]) func sentences(_ mark: String) throws {
    let sentence = ["the D", "cat N", "sat V"].map { $0.replacing(" ", with: mark) }.joined(separator: "\n")
    try folder.write("t.txt", [String](repeating: sentence, count: 40).joined(separator: "\n\n"))
    let (recipe, guesses) = try trained("t.txt", forecasts: false)
    #expect(recipe.contains("format: tagged") && guesses.contains("format: tagged"), "\(guesses)")
    let numbered = (1...3).map { "\($0)\tw\($0)\tl\tT\($0 % 2)\t_\t_\t0\t_\t_\t_" }.joined(separator: "\n")
    try folder.write("t.conllu", [String](repeating: numbered, count: 40).joined(separator: "\n\n") + "\n")
    let columns = try trained("t.conllu", forecasts: false).recipe
    #expect(columns.contains("token_column: 1") && columns.contains("tag_column: 3"), "\(columns)")
    // A text of paragraphs is none.
    try folder.write("p.txt", [String](repeating: "In the beginning\nwas it\n\n", count: 40).joined())
    #expect(try run("p.txt").out.contains("format: text"))
  }

  @Test func whatIsNoFileForIt() throws {
    try folder.write("r.json", "[{\"a\": 1}]")
    try folder.write("r.jsonl", "{\"a\": 1}\n{\"a\": 2}\n")
    try folder.write("t.arff", "@relation x\n@attribute a numeric\n@data\n1\n")
    try FileManager.default.createDirectory(
      at: folder.url.appendingPathComponent("empty"), withIntermediateDirectories: true)
    try Data([0xD0, 0xCF, 0x11, 0xE0, 0xA1]).write(to: folder.url.appendingPathComponent("b.xls"))
    #expect(mkfifo(folder.path("fifo"), 0o600) == 0)
    for (name, code, words) in [
      ("r.json", Int32(65), "r.json is JSON; save its records as CSV"), ("r.jsonl", 65, "is JSON"),
      ("t.arff", 65, "is ARFF"), ("b.xls", 65, "a workbook of Excel"),
      ("empty", 66, "is a folder with neither tables (.csv) nor images"),
      ("-", 64, "- is standard input, and a recipe names the file that is trained on: save it"),
      ("fifo", 64, "fifo can be read once, and a recipe names the file"),
      ("", 64, "name the file to look at"),
    ] {
      let outcome = try run(name)
      #expect(outcome.status == code && outcome.err.contains(words), "\(name): \(outcome.err)")
    }
  }

  /// A day and a time of day in two columns are one time; a clock is no series.
  @Test func dayAndClockApart() throws {
    try table("t.csv", "Date,Time,v", rows: 96) {
      "\(day($0 / 24)),\($0 % 24):00,\($0 * 7 % 11)"
    }
    let outcome = try run("t.csv")
    #expect(
      outcome.status == 65
        && outcome.err.contains("'Date' has the day and 'Time' the time of day: join them in one column")
        && outcome.err.contains("--series Time"), "\(outcome.err)")
    #expect(try run("t.csv", "--series", "Time").status == 0)
  }

  /// A row that stands twice is named by its lines, and does not hide which column tells series apart.
  @Test func aRowOfAPanelThatStandsTwice() throws {
    let rows = ["A", "B", "C"].flatMap { name in (0..<50).map { "\(name),\(day($0)),\($0 % 7)" } }
    try folder.write("p.csv", (["symbol,date,close"] + rows + [rows[5]]).joined(separator: "\n") + "\n")
    let outcome = try run("p.csv")
    #expect(
      outcome.status == 65
        && outcome.err.contains(
          "two rows of series 'A' have the time '2024-01-06', lines 7 and 152; keep one"),
      "\(outcome.err)")
  }

  @Test func otherShapesAreSaid() throws {
    try table("w.csv", "date,MT_1,MT_2,MT_3") { "\(day($0)),\($0 % 7),\($0 % 5),\($0 % 3)" }
    let wide = try run("w.csv")
    #expect(
      wide.err.contains("'MT_1' to 'MT_3' are called alike") && wide.err.contains("give --wide"),
      "\(wide.err)")
    try table("o.csv", "date,open,high,close") { "\(day($0)),\($0 % 7),\($0 % 5),\($0 % 3)" }
    #expect(try !run("o.csv").err.contains("--wide"))
    try table("r.csv", "name,2024-01-01,2024-01-02,2024-01-03") { "s\($0),\($0 % 7),\($0 % 5),\($0 % 3)" }
    let turned = try run("r.csv")
    #expect(turned.err.contains("3 columns are called by times, such as '2024-01-01'"), "\(turned.err)")
    // A text that hardly ever comes again is not what is predicted, where there are numbers.
    try table("v.csv", "Date,Rev,Vol") { "\(day($0)),\($0 % 7),\($0).5M" }
    #expect(try run("v.csv").out.contains("targets: [Rev]"))
  }

  @Test(arguments: ["%b-%y", "%B %Y", "%m/%Y", "%Y/%m"]) func monthsInOtherNotations(_ pattern: String) throws
  {
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    let names = [
      "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
      "November",
      "December",
    ]
    try table("m.csv", "when,y") { row in
      let (year, month) = (1990 + row / 12, row % 12)
      let digits = String(format: "%02d", month + 1)
      let text =
        switch pattern {
        case "%b-%y": "\(months[month])-\(year % 100)"
        case "%B %Y": "\(names[month]) \(year)"
        case "%m/%Y": "\(digits)/\(year)"
        default: "\(year)/\(digits)"
        }
      return "\(text),\(row * 7 % 11)"
    }
    let recipe = try trained("m.csv").recipe
    #expect(
      recipe.contains("time_format: \"\(pattern)\"") && recipe.contains("a row every month"), "\(recipe)")
  }
}
