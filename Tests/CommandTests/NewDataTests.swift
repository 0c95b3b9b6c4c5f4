import Foundation
import TestSupport
import Testing

/// Predictions for data whose answers nobody knows yet.
@Suite(.tags(.mpi)) struct NewDataTests {
  private func trained(_ arguments: String...) throws -> Folder {
    let folder = try Folder()
    try folder.writeWave(epochs: 3)
    let outcome = try Command.run(
      arguments: ["train", "wave.yaml", "--out", "run"] + arguments, in: folder.url)
    try #require(outcome.status == 0, "\(outcome.err)")
    return folder
  }

  /// Lines of the wave's file from this one on, its columns chosen and changed.
  private func rows(_ folder: Folder, _ count: Int, _ change: ([String]) -> [String]) throws -> [String] {
    try folder.read("wave.csv").split(separator: "\n").prefix(count + 1).map {
      change($0.split(separator: ",").map(String.init)).joined(separator: ",")
    }
  }

  private func predict(_ folder: Folder, _ lines: [String]) throws -> [[String]] {
    try folder.write("new.csv", lines.joined(separator: "\n") + "\n")
    let outcome = try Command.run(
      "predict", "run", "--input", "new.csv", "--output", "p.csv", in: folder.url)
    try #require(outcome.status == 0, "\(outcome.err)")
    return try folder.read("p.csv").split(separator: "\n").map {
      $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    }
  }

  /// With the answers, without them, and with some: the same predictions, one for each window, the last one's after the file's end.
  @Test func answersMakeNoDifference() throws {
    let folder = try trained()
    let all = try predict(folder, rows(folder, 20) { $0 })
    #expect(all[0] == ["split", "sample", "row", "actual_y", "predicted_y"] && all.count == 1 + 20 - 4 + 1)
    #expect(all.last![2] == "20" && all.last![3] == "" && !all.last![4].isEmpty)
    #expect(all.dropFirst().dropLast().allSatisfy { !$0[3].isEmpty })
    let without = try predict(folder, rows(folder, 20) { Array($0.dropLast()) })
    #expect(without.map { $0[4] } == all.map { $0[4] } && without.dropFirst().allSatisfy { $0[3] == "" })
    var line = 0
    let words = ["y", "", "NA", "?", "nan", "null"]
    let some = try predict(
      folder,
      rows(folder, 20) { fields in
        defer { line += 1 }
        return line > 0 && line < words.count ? Array(fields.dropLast()) + [words[line]] : fields
      })
    #expect(some.map { $0[4] } == all.map { $0[4] })
    // The targets of samples 0 and 1 are rows 4 and 5 from 0, lines 5 and 6 of the fields.
    #expect(some[1][3] == "" && some[2][3] == all[2][3])
  }

  @Test func aFileCutAnywherePredictsWhatTheWholeOneDoes() throws {
    let folder = try trained()
    let whole = try predict(folder, rows(folder, 40) { $0 })
    for count in [4, 5, 17] {
      let cut = try predict(folder, rows(folder, count) { Array($0.dropLast()) })
      #expect(cut.count == count - 4 + 2)
      #expect(
        cut.map { [$0[0], $0[1], $0[2], $0[4]] }
          == whole.prefix(cut.count).map { [$0[0], $0[1], $0[2], $0[4]] })
    }
  }

  @Test func horizonsAndStepsReachBehindTheEnd() throws {
    let ahead = try trained("--set", "data.horizon=[1, 3]", "--set", "model.head=[{linear: 3}]")
    let all = try predict(ahead, rows(ahead, 10) { $0 })
    #expect(all.count == 1 + 7 && all[0].count == 3 + 6)
    // The last window ends in row 9: nothing is known of rows 10 to 12.
    #expect([all[7][3], all[7][5], all[7][7]] == ["", "", ""] && all[6][3] != "" && all[6][5] == "")
    let none = try predict(ahead, rows(ahead, 10) { Array($0.dropLast()) })
    #expect(none.map { [$0[4], $0[6], $0[8]] } == all.map { [$0[4], $0[6], $0[8]] })
  }

  @Test func labelsMayBeMissing() throws {
    let folder = try Folder()
    try folder.writeWave()
    let lines = (0..<60).map { "\(Double($0 % 7) / 7),\($0 % 7 < 3 ? "low" : "high")" }
    try folder.write("c.csv", (["x,c"] + lines).joined(separator: "\n"))
    try folder.write(
      "c.yaml",
      """
      data: {format: csv, path: c.csv, features: [x], label: c, window: 2, horizon: 0, split: {train: 40, test: rest}}
      model: {cell: gru, hidden_size: 4, readout: last_step, head: [{linear: classes}]}
      loss: cross_entropy
      train: {epochs: 2, batch_size: 8}
      """)
    try #require(try Command.run("train", "c.yaml", "--out", "run", in: folder.url).status == 0)
    let all = try predict(folder, ["x,c"] + lines.prefix(9))
    #expect(all.count == 9 && all[1][3] == "low")
    let none = try predict(folder, ["x"] + lines.prefix(9).map { String($0.split(separator: ",")[0]) })
    #expect(none.dropFirst().map { Array($0[4...]) } == all.dropFirst().map { Array($0[4...]) })
    #expect(none.dropFirst().allSatisfy { $0[3] == "" })
    let some = try predict(folder, ["x,c", "0.1,low", "0.2,?", "0.3,"])
    #expect(some.count == 3 && some[1][3] == "" && some[2][3] == "")
  }

  @Test func whatIsMissingIsSaid() throws {
    let folder = try trained()
    func message(_ lines: [String]) throws -> (Int32, String) {
      try folder.write("new.csv", lines.joined(separator: "\n") + "\n")
      let outcome = try Command.run("predict", "run", "--input", "new.csv", "--output", "-", in: folder.url)
      #expect(outcome.out.isEmpty)
      return (outcome.status, outcome.err)
    }
    let short = try message(["a,b", "1,2", "1,2", "1,2"])
    #expect(
      short.0 == 65 && short.1.contains("data.window sees 4 rows, and there are 3: give 1 more"), "\(short)")
    let feature = try message(["a,y"] + Array(repeating: "1,2", count: 9))
    #expect(feature.0 == 65 && feature.1.contains("there is no column 'b' (data.features)"), "\(feature)")
    let word = try message(["a,b,y"] + Array(repeating: "1,2,much", count: 9))
    #expect(word.0 == 65 && word.1.contains("column 'y': 'much' is not a number"), "\(word)")
  }
}
