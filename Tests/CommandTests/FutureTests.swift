import Foundation
import TestSupport
import Testing

/// What comes after the last row of a history.
@Suite(.tags(.mpi)) struct FutureTests {
  private func trained(_ arguments: String...) throws -> Folder {
    let folder = try Folder()
    try folder.writeWave(epochs: 3)
    try #require(
      try Command.run(arguments: ["train", "wave.yaml", "--out", "run"] + arguments, in: folder.url).status
        == 0)
    return folder
  }

  private func table(_ text: String) -> [[String]] {
    text.split(separator: "\n").map {
      $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    }
  }

  private func forecast(_ folder: Folder, _ words: String) throws -> [[String]] {
    let words = "forecast run " + words
    let outcome = try Command.run(arguments: words.split(separator: " ").map(String.init), in: folder.url)
    try #require(outcome.status == 0, "\(words): \(outcome.err)")
    return table(outcome.out)
  }

  private func predictions(_ folder: Folder, _ file: String) throws -> [[String]] {
    let outcome = try Command.run("predict", "run", "--input", file, "--output", "p.csv", in: folder.url)
    try #require(outcome.status == 0, "\(outcome.err)")
    return table(try folder.read("p.csv"))
  }

  private func failure(_ folder: Folder, _ words: String) throws -> (status: Int32, line: String) {
    let words = "forecast run --output f.csv " + words
    let outcome = try Command.run(arguments: words.split(separator: " ").map(String.init), in: folder.url)
    #expect(!folder.holds("f.csv"))
    #expect(outcome.err.split(separator: "\n").count == 1, "\(outcome.err)")
    return (outcome.status, outcome.err)
  }

  /// Rows of the wave's file.
  private func cut(_ folder: Folder, _ rows: Int, columns: Int = 3) throws {
    let lines = try folder.read("wave.csv").split(separator: "\n").prefix(rows + 1).map {
      $0.split(separator: ",").prefix(columns).joined(separator: ",")
    }
    try folder.write("cut.csv", lines.joined(separator: "\n") + "\n")
  }

  /// The file's window at row k, from a file that ends there.
  @Test func aHistoryCutAnywhereSaysWhatTheWholeOneDoes() throws {
    let folder = try trained()
    let whole = try predictions(folder, "wave.csv")
    for rows in [4, 5, 17, 80] {
      try cut(folder, rows, columns: rows == 17 ? 2 : 3)
      let found = try forecast(folder, "--input cut.csv")
      #expect(
        found == [["series", "time", "step", "predicted"], ["", "\(rows)", "1", whole[rows - 3].last!]])
    }
    #expect(try forecast(folder, "")[1] == ["", "80", "1", whole.last!.last!], "the recipe's own file")
  }

  @Test func theLatestWindowSaysEachRow() throws {
    let many = try trained("--set", "data.horizon=[1, 3]", "--set", "model.head=[{linear: 3}]")
    let last = try predictions(many, "wave.csv").last!
    #expect(try forecast(many, "").dropFirst().map { $0[3] } == [last[4], last[6], last[8]])
    #expect(try forecast(many, "--steps 2").count == 3)
    let one = try trained("--set", "data.horizon=3")
    let lasts = try predictions(one, "wave.csv").suffix(3).map { $0.last! }
    #expect(
      try forecast(one, "").dropFirst().map { $0 }
        == zip(80..<83, lasts).enumerated().map {
          ["", "\($1.0)", "\($0 + 1)", $1.1]
        })
  }

  /// What is learned as a change is written as a value, wherever the history ends; a picture of it can be drawn.
  @Test func changesAreWrittenAsValues() throws {
    let folder = try trained(
      "--set", "data.relative=true", "--set", "data.features=[y]", "--set", "data.horizon=[1, 2]", "--set",
      "model.head=[{linear: targets}]", "--set", "loss={name: quantile, levels: [0.1, 0.5, 0.9]}")
    let whole = try predictions(folder, "wave.csv")
    for rows in [4, 17, 80] {
      try cut(folder, rows)
      let found = try forecast(folder, "--input cut.csv")
      #expect(found[1][3] == whole[rows - 3][4] && found[2][3] == whole[rows - 3][9], "\(rows)")
    }
    let actual = try folder.read("wave.csv").split(separator: "\n").dropFirst().map {
      $0.split(separator: ",")[2]
    }
    for sample in [0, 30] {
      let row = whole[sample + 1]
      #expect(abs(Double(row[3])! - Double(actual[sample + 4])!) < 1e-4)
      #expect(abs(Double(row[8])! - Double(actual[sample + 5])!) < 1e-4)
    }
    let longer = try forecast(folder, "--steps 5")
    #expect(longer.count == 6 && longer.dropFirst().allSatisfy { Double($0[3]) != nil })
    try #require(try Command.run("forecast", "run", "--plot", "f.svg", in: folder.url).status == 0)
    #expect(try folder.read("f.svg").contains("forecast"))
    let wrong = try Command.run("forecast", "run", "--plot", "f.txt", in: folder.url)
    #expect(wrong.status == 64 && wrong.err.contains("--plot must end in .svg or .png"))
  }

  /// Each forecast becomes the next row, as if it had come.
  @Test func furtherRoundsReadWhatWasForecast() throws {
    let folder = try trained("--set", "data.features=[y]")
    let all = try forecast(folder, "--steps 6").dropFirst().map { Double($0[3])! }
    #expect(all.count == 6)
    try folder.write("grown.csv", folder.read("wave.csv"))
    for step in 0..<6 {
      let next = try #require(Double(try forecast(folder, "--input grown.csv")[1][3]))
      #expect(abs(next - all[step]) < 1e-4, "the file has seven digits")
      try folder.write("grown.csv", folder.read("grown.csv") + "0,0,\(next)\n")
    }
  }

  @Test func whatIsNotKnownIsSaidAndCanBeGiven() throws {
    let folder = try trained()
    let missing = try failure(folder, "--steps 2")
    #expect(missing.status == 65 && missing.line.contains("column 'a' is not known after the last row"))
    #expect(missing.line.contains("--known FILE"))
    try folder.write("known.csv", "a,b\n0.5,0.25\n0.75,1\n")
    let found = try forecast(folder, "--steps 3 --known known.csv")
    try folder.write("longer.csv", folder.read("wave.csv") + "0.5,0.25,\n0.75,1,\n")
    let longer = try predictions(folder, "longer.csv").suffix(3).map { $0.last! }
    #expect(found.dropFirst().map { $0[3] } == longer)
    let short = try failure(folder, "--steps 4 --known known.csv")
    #expect(short.status == 65 && short.line.contains("column 'a' is not known"), "\(short)")
    try cut(folder, 3)
    let few = try failure(folder, "--input cut.csv")
    #expect(
      few.status == 65 && few.line.contains("data.window sees 4 rows, and there are 3: give 1 more"), "\(few)"
    )
  }

  private func withTimes(_ times: [String]) throws -> Folder {
    let folder = try Folder()
    let lines = times.enumerated().map { "\($1),\($0 * 7 % 11)" }
    try folder.write("t.csv", (["t,y"] + lines).joined(separator: "\n") + "\n")
    try folder.write(
      "t.yaml",
      "data: {format: csv, path: t.csv, time: t, features: [y], targets: [y], window: 3, horizon: 1}\n"
        + "model: {cell: gru, hidden_size: 2, head: [{linear: 1}]}\nloss: mse\ntrain: {epochs: 1, batch_size: 8}\n"
    )
    let outcome = try Command.run("train", "t.yaml", "--out", "run", in: folder.url)
    try #require(outcome.status == 0, "\(outcome.err)")
    return folder
  }

  /// With the offset and the digits that the file's times have.
  @Test(arguments: [
    ("+02:00", ["2024-01-02T08:00:20.058+02:00", "2024-01-02T08:00:21.058+02:00"]),
    ("Z", ["2024-01-02T08:00:20.058Z", "2024-01-02T08:00:21.058Z"]),
  ])
  func timesGoOnAsTheyAreWritten(_ zone: String, _ next: [String]) throws {
    let times = (0..<20).map { "2024-01-02T08:00:\(String(format: "%02d", $0)).058\(zone)" }
    let folder = try withTimes(times)
    #expect(try forecast(folder, "--steps 2").dropFirst().map { $0[1] } == next)
  }

  /// No date has a year of five digits.
  @Test func timeEndsWithTheYear9999() throws {
    let folder = try withTimes((0..<20).map { "\(9970 + $0)-01-01" })
    #expect(try forecast(folder, "--steps 10").last?[1] == "9999-01-01")
    let later = try failure(folder, "--steps 11")
    #expect(
      later.status == 65
        && later.line.contains(
          "the times go on beyond the year 9999 from step 11 on, where none can be written"),
      "\(later.line)")
  }

  @Test func manySteps() throws {
    let folder = try trained("--set", "data.features=[y]")
    #expect(try forecast(folder, "--steps 10001").count == 10_002)
    let most = try failure(folder, "--steps 1000000000")
    #expect(most.status == 69 && most.line.contains("forecast fewer --steps"), "\(most.line)")
  }

  @Test func streamsAndFullDisks() throws {
    let folder = try trained()
    #expect(try failure(folder, "--input nowhere.csv").status == 66)
    let full = try Command.run("forecast", "run", "--output", "/dev/full", in: folder.url)
    #expect(full.status == 74 && full.err.contains("/dev/full"), "\(full)")
    let over = try Command.run("forecast", "run", "--output", "wave.csv", in: folder.url)
    #expect(over.status == 64 && over.err.contains("is a file that this command reads"), "\(over)")
    let both = try Command.run("forecast", "run", "--json", in: folder.url)
    #expect(both.status == 64 && both.err.contains("both want standard output"), "\(both)")
    let report = try Command.run("forecast", "run", "--json", "--output", "f.csv", in: folder.url).json()
    #expect(report["rows"] as? Int == 1 && report["steps"] as? Int == 1 && report["series"] as? Int == 1)
    let whole = try folder.read("f.csv")
    #expect(mkfifo(folder.path("fifo"), 0o600) == 0)
    for input in ["-", "fifo"] {
      let shell = Process()
      let out = Pipe()
      shell.executableURL = URL(fileURLWithPath: "/bin/sh")
      shell.arguments = [
        "-c",
        input == "-"
          ? "cat wave.csv | \"$0\" forecast run --input -"
          : "cat wave.csv > fifo & \"$0\" forecast run --input fifo", Command.executable.path,
      ]
      shell.currentDirectoryURL = folder.url
      shell.standardOutput = out
      try shell.run()
      let text = String(decoding: out.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
      shell.waitUntilExit()
      #expect(text == whole, "\(input)")
    }
  }
}
