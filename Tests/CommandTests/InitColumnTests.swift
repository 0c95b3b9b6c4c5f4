import Foundation
import TestSupport
import Testing

/// What `recur init` says of columns that are not what they seem, and of files that have nothing for it.
@Suite(.tags(.mpi)) struct InitColumnTests {
  private let folder: Folder

  init() throws { folder = try Folder() }

  private func run(_ words: String...) throws -> Command.Outcome {
    try Command.run(arguments: ["init"] + words, in: folder.url)
  }

  private func table(_ name: String, _ header: String, rows: Int = 60, _ row: (Int) -> String) throws {
    try folder.write(name, ([header] + (0..<rows).map(row)).joined(separator: "\n") + "\n")
  }

  /// The mark that makes numbers texts is named, and where it stands.
  @Test func marksBesideNumbers() throws {
    try table("t.csv", "x,share,price,loss,euro,y") {
      let price = 1000 + $0 * 37 % 500
      return
        "\($0 % 7),\($0 % 9).5%,\"$\(price / 1000),\(String(format: "%03d", price % 1000)).50\",\($0 == 0 ? "3" : "(\($0 % 9 + 1))"),\($0 % 5) €,\($0 * 3 % 11)"
    }
    let outcome = try run("t.csv", "--target", "y")
    for text in [
      "'share' is text by '%' in '0.5%' (line 2)", "'price' is text by '$' in '$1,000.50' (line 2)",
      "'loss' is text by '(' in '(2)' (line 3)", "'euro' is text by '€' in '0 €' (line 2)",
    ] {
      #expect(outcome.status == 0 && outcome.err.contains(text), "\(outcome.err)")
    }
    let refused = try run("t.csv", "--target", "price", "--horizon", "2")
    #expect(
      refused.status == 65 && refused.err.contains("'price' was taken for a class")
        && refused.err.contains("'$1,074.50', by '$' in line 2;"), "\(refused.err)")
    try table("one.csv", "name,share") { "\($0 % 7),\($0).5%" }
    let nothing = try run("one.csv", "--target", "name")
    #expect(
      nothing.status == 65 && nothing.err.contains("'share' is text by '%' in line 2"), "\(nothing.err)")
    try table("words.csv", "x,plan,y") { "\($0 % 7),\(["A+", "B", "C (old)"][$0 % 3]),\($0 % 5)" }
    #expect(try !run("words.csv").err.contains("is text by"))
  }

  /// Who has written no recipe is told in rows.
  @Test func tooFewRows() throws {
    try table("t.csv", "date,y", rows: 1) { _ in "2024-01-01,5" }
    for words in [["t.csv"], ["t.csv", "--window", "3", "--horizon", "2"]] {
      let outcome = try Command.run(arguments: ["init"] + words, in: folder.url)
      let needed = words.count == 1 ? 2 : 5
      #expect(
        outcome.status == 65 && outcome.err.contains("t.csv: there is 1 row, and the network sees")
          && outcome.err.contains("\(needed) are needed") && !outcome.err.contains("data."), "\(outcome.err)")
    }
    try table("p.csv", "date,s,y", rows: 6) { "2024-01-0\($0 / 2 + 1),\(["a", "b"][$0 % 2]),\($0)" }
    let panel = try run("p.csv", "--series", "s", "--target", "y", "--window", "3")
    #expect(
      panel.status == 65 && panel.err.contains("the longest of its 2 series has 3 rows"), "\(panel.err)")
  }

  @Test func aFolderOfTables() throws {
    try FileManager.default.createDirectory(
      at: folder.url.appendingPathComponent("shops"), withIntermediateDirectories: true)
    try table("shops/b.csv", "x,y") { "\($0),\($0 % 5)" }
    try table("shops/a.csv", "x,y") { "\($0),\($0 % 5)" }
    let outcome = try run("shops")
    #expect(
      outcome.status == 64 && outcome.err.contains("2 CSV files") && outcome.err.contains("data.paths")
        && outcome.err.contains("shops/a.csv"), "\(outcome.err)")
  }

  /// A class that belongs to runs of rows is one of sequences.
  @Test func sequencesAreSuggested() throws {
    try table("t.csv", "id,x,z,label", rows: 100) { row in
      let id = row / 5
      return "s\(id),\((id * 7 + row * 3) % 11),\(row % 7),\(["a", "b"][id * 3 % 7 % 2])"
    }
    let outcome = try run("t.csv", "--label", "label")
    #expect(
      outcome.status == 0 && outcome.out.contains("# All rows of one 'id' have the same 'label'")
        && outcome.out.contains("data.group"), "\(outcome.out)\(outcome.err)")
    try table("n.csv", "id,x,z,label", rows: 100) { row in
      "s\(row / 5),\(row * 3 % 11),\(row % 7),\(["a", "b"][row % 2])"
    }
    #expect(try !run("n.csv", "--label", "label").out.contains("data.group"))
    // The recipe that is suggested trains.
    let recipe = outcome.out.replacing("categorical: [id]", with: "group: id").split(separator: "\n").filter {
      !$0.contains("cell: none") && !$0.contains("head:")
    }
    try folder.write(
      "r.yaml",
      recipe.joined(separator: "\n").replacing(
        "model:",
        with: "model:\n  cell: gru\n  hidden_size: 4\n  readout: last_step\n  head: [{linear: classes}]"))
    let train = try Command.run(
      "train", "r.yaml", "--out", "run", "--set", "train.epochs=1", in: folder.url)
    #expect(train.status == 0, "\(train.err)")
  }

  @Test func fractionsThatCouldBeGroups() throws {
    let words = "'1.234' is read as a number with a fraction; it would fit as thousands as well"
    try table("t.csv", "a;b") { "\($0 % 9 + 1).\(234 + $0);\($0 % 5)" }
    #expect(try run("t.csv").err.contains(words))
    for number in ["1.2345", "0.234", "1234.567"] {
      try table("n.csv", "a;b") { $0 == 7 ? "\(number);1" : "\($0 % 9 + 1).\(234 + $0);\($0 % 5)" }
      #expect(try !run("n.csv").err.contains("as thousands"), "\(number)")
    }
    try table("c.csv", "a,b") { "\($0 % 9 + 1).\(234 + $0),\($0 % 5)" }
    #expect(try !run("c.csv").err.contains("as thousands"))
  }
}
