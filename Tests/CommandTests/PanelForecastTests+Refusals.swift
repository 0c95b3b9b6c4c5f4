import Foundation
import TestSupport
import Testing

/// What is wrong with a panel, and what is missing, is said.
extension PanelForecastTests {
  @Test func whatIsWrongIsOneLine() throws {
    let folder = try folder()
    func message(_ words: String) throws -> String {
      let outcome = try run(folder, "forecast run --output f.csv \(words)")
      #expect(outcome.status == 65 && !folder.holds("f.csv"), "\(words): \(outcome.status)")
      #expect(outcome.err.split(separator: "\n").count == 1, "\(outcome.err)")
      return outcome.err
    }
    #expect(
      try message("").contains(
        "data.known reads column 'promo' 2 rows after the last one of series 'A', and 0 are there"))
    try known(folder, 30..<33)
    #expect(
      try message("--known known.csv --steps 4").contains("and 3 are there: give 1 more by --known FILE"))
    try known(folder, 30..<36, weather: false)
    #expect(
      try message("--known known.csv --steps 4").contains(
        "known.csv: there is no column 'weather', and a forecast of more steps reads it after the last row of series 'A'"
      ))
    // A gap in the file is named where it is.
    try known(folder, 30..<36)
    for (from, column) in [("2,wet", "promo"), ("1,wet", "promo")] {
      let text = try folder.read("known.csv")
      try folder.write("known.csv", text.replacing(from, with: ",wet"))
      #expect(
        try message("--known known.csv --steps 4").contains(
          "known.csv, line \(from.hasPrefix("2") ? 8 : 5), column '\(column)': the value is missing, and the forecast reads it"
        ))
      try folder.write("known.csv", text)
    }
    try known(folder, 31..<36)
    #expect(
      try message("--known known.csv").contains(
        "known.csv, line 2, column 'month': the time is '2025-08-31', and the next row of series 'A' is of '2025-07-31'"
      ))
    try folder.write("known.csv", "month,shop,promo\n2025-07-31,X,1\n")
    #expect(
      try message("--known known.csv").contains("known.csv, line 2, column 'shop': there is no series 'X'"))
    try folder.write("known.csv", "month,shop,promo\n2025-07-31,A,1\n2025-07-31,A,2\n")
    #expect(try message("--known known.csv").contains("line 3, column 'month': the time stands twice"))
    try folder.write("known.csv", "month,promo\n2025-07-31,1\n")
    #expect(try message("--known known.csv").contains("there is no column 'shop'"))
    // A month that is missing is no matter, a day in the middle of one is.
    let lines = try folder.read("shops.csv").split(separator: "\n")
    try folder.write("hole.csv", lines.filter { !$0.contains("2024-03") }.joined(separator: "\n") + "\n")
    #expect(try !message("--input hole.csv").contains("regular step"))
    let moved = lines.map { $0.replacingOccurrences(of: "2024-03-31", with: "2024-03-11") }
    try folder.write("hole.csv", moved.joined(separator: "\n") + "\n")
    #expect(
      try message("--input hole.csv").contains(
        "the times of series 'A' have no regular step, and data.calendar reads those"))
  }

  @Test func whatTrainingDidNotSeeIsSaidOnce() throws {
    let folder = try folder()
    try known(folder, 30..<36)
    let lines = try folder.read("shops.csv").replacing(",wet", with: ",\"hail\u{1B}[31m\"").replacing(
      ",dry", with: ",fog")
    try folder.write("other.csv", lines)
    try folder.write("known.csv", folder.read("known.csv").replacing(",wet", with: ",snow"))
    for (words, what) in [
      (
        "forecast run --input other.csv --known known.csv --output f.csv",
        "3 values that training did not see, "
      ),
      (
        "predict run --input other.csv --output p.csv",
        "2 values that training did not see, 'fog', 'hail\\u{1B}[31m'"
      ),
      ("evaluate run --set data.path=other.csv", "2 values that training did not see, 'fog', "),
    ] {
      let outcome = try run(folder, words)
      #expect(outcome.status == 0, "\(words): \(outcome.err)")
      let notes = outcome.err.split(separator: "\n").filter { $0.contains("column 'weather' has") }
      #expect(
        notes.count == 1 && notes[0].contains(what) && notes[0].hasSuffix("they are read as <unseen>"),
        "\(outcome.err)")
      #expect(!outcome.err.contains("\u{1B}"))
    }
    let silent = try run(folder, "predict run --input shops.csv --output p.csv")
    #expect(!silent.err.contains("training did not see"), "\(silent.err)")
  }

  @Test func seriesThatAreTooShortHaveNone() throws {
    let folder = try folder()
    try known(folder, 30..<36)
    let lines = try folder.read("shops.csv").split(separator: "\n")
    let kept = lines.filter { !$0.contains(",C,") } + lines.filter { $0.contains(",C,") }.suffix(4)
    try folder.write("short.csv", kept.joined(separator: "\n") + "\n")
    let outcome = try run(folder, "forecast run --input short.csv --known known.csv --output f.csv --json")
    #expect(
      outcome.status == 0
        && outcome.err.contains("series 'C' has no forecast: its history is 2 rows too short"))
    let report = try outcome.json()
    #expect(
      report["series"] as? Int == 2 && report["rows"] as? Int == 4 && report["short"] as? [String] == ["C"])
  }

  @Test func predictionsThatAreNotThereAreSaid() throws {
    let folder = try folder()
    let lines = try folder.read("shops.csv").split(separator: "\n")
    let kept = lines.filter { !$0.contains(",C,") } + lines.filter { $0.contains(",C,") }.suffix(5)
    try folder.write("short.csv", kept.joined(separator: "\n") + "\n")
    let note = "recur: series 'C' has no prediction: its history is 3 rows too short\n"
    #expect(try run(folder, "predict run --input short.csv -o p.csv").err == note)
    #expect(try run(folder, "predict run --input shops.csv -o p.csv").err == "")
    #expect(try run(folder, "predict run -o p.csv").err == "")
    // Changes need a value to go on from.
    let relative = try self.folder({
      $0.replacing("window: 6", with: "relative: true\n  gaps: mask\n  window: 6")
    })
    let rows = try relative.read("shops.csv").split(separator: "\n")
    let emptied = rows.enumerated().map { place, row in
      guard place < 30, row.contains(",A,") else { return String(row) }
      var fields = row.split(separator: ",", omittingEmptySubsequences: false)
      fields[2] = ""
      return fields.joined(separator: ",")
    }
    try relative.write("gaps.csv", emptied.joined(separator: "\n") + "\n")
    let outcome = try run(relative, "predict run --input gaps.csv -o p.csv")
    #expect(
      outcome.status == 0
        && outcome.err.contains("column 'sales' of series 'A' has no value to go on from in")
        && outcome.err.components(separatedBy: "has no value").count == 2, "\(outcome.err)")
    #expect(try run(relative, "predict run --input shops.csv -o p.csv").err == "")
  }
}
