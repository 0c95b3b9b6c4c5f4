import Foundation
import TestSupport
import Testing

/// What evaluate, predict and plot say about how sure a model is.
@Suite(.tags(.mpi)) struct UncertaintyTests {
  private func trained(_ loss: String, _ settings: [String] = []) throws -> Folder {
    let folder = try Folder()
    try folder.writeWave()
    let words = ["loss=\(loss)", "model.head=[{linear: targets}]"] + settings
    let outcome = try Command.run(
      arguments: ["train", "wave.yaml", "--out", "run"] + words.flatMap { ["--set", $0] }, in: folder.url)
    try #require(outcome.status == 0, "\(outcome.err)")
    return folder
  }

  private func table(_ text: String) -> (header: [String], rows: [[String: Double]]) {
    let lines = text.split(separator: "\n").map { $0.split(separator: ",", omittingEmptySubsequences: false) }
    let header = lines[0].map(String.init)
    return (
      header,
      lines.dropFirst().map { Dictionary(uniqueKeysWithValues: zip(header, $0.map { Double($0) ?? .nan })) }
    )
  }

  @Test(arguments: ["{name: quantile, levels: [0.05, 0.5, 0.975]}", "gaussian_nll", "student_t"])
  func `the table's numbers are those of the predictions`(_ loss: String) throws {
    let folder = try trained(loss)
    let levels = loss.contains("quantile") ? [0.05, 0.5, 0.975] : [0.1, 0.5, 0.9]
    let report = try Command.run("evaluate", "run", "--split", "test", "--json", in: folder.url).json()
    let test = try #require(report["test"] as? [String: Any])
    _ = try Command.run("predict", "run", "--split", "test", "--output", "p.csv", in: folder.url)
    let (header, rows) = table(try folder.read("p.csv"))
    let names = levels.map { "p\(($0 * 1e6).rounded() / 1e4)_y".replacing(".0_", with: "_") }
    #expect(header.suffix(5) == ["actual_y", "predicted_y"] + names)
    var (pinball, inside) = (0.0, 0)
    for row in rows {
      let quantiles = try names.map { try #require(row[$0]) }
      #expect(quantiles == quantiles.sorted())
      let actual = try #require(row["actual_y"])
      for (level, quantile) in zip(levels, quantiles) {
        pinball += max(level * (actual - quantile), (level - 1) * (actual - quantile)) / 3
      }
      if quantiles[0] <= actual, actual <= quantiles[2] { inside += 1 }
    }
    let original = test["original_units"] as? [String: Any] ?? test
    let found = try #require(original["pinball"] as? Double)
    #expect(abs(pinball / Double(rows.count) - found) < 1e-4 * max(found, 1e-3))
    #expect(abs((test["coverage"] as? Double ?? -1) - Double(inside) / Double(rows.count)) < 1e-9)
    #expect(abs((test["nominal_coverage"] as? Double ?? -1) - (levels[2] - levels[0])) < 1e-9)
    let readable = try Command.run("evaluate", "run", in: folder.url).out
    for word in ["pinball", "CRPS", "coverage", "% of "] { #expect(readable.contains(word), "\(readable)") }
  }

  /// An array has the quantiles after what is predicted.
  @Test func anArrayHasAnAxisOfLevels() throws {
    let folder = try trained(
      "{name: quantile, levels: [0.1, 0.5, 0.9]}", ["data.horizon=[1, 3]"])
    for file in ["p.csv", "p.npy"] {
      let outcome = try Command.run("predict", "run", "--split", "test", "--output", file, in: folder.url)
      try #require(outcome.status == 0, "\(outcome.err)")
    }
    let lines = try folder.read("p.csv").split(separator: "\n").dropFirst().map { line in
      line.split(separator: ",", omittingEmptySubsequences: false).dropFirst(2).map { Float($0) ?? .nan }
    }
    let bytes = try Array(Data(contentsOf: folder.url.appendingPathComponent("p.npy")))
    let start = 10 + Int(bytes[8]) + 256 * Int(bytes[9])
    #expect(String(decoding: bytes[10..<start], as: UTF8.self).contains("'shape': (\(lines.count), 3, 4)"))
    let numbers = stride(from: start, to: bytes.count, by: 4).map { place in
      Float(bitPattern: bytes[place..<place + 4].reversed().reduce(0) { $0 << 8 | UInt32($1) })
    }
    // Row number, then of each horizon what came, what is predicted, and three quantiles.
    let expected = lines.flatMap { line in (0..<3).flatMap { line.suffix(15).dropFirst(5 * $0 + 1).prefix(4) }
    }
    #expect(numbers.count == expected.count)
    #expect(zip(numbers, expected).allSatisfy { abs($0 - $1) <= 1e-6 * abs($1) })
    let help = try Command.run("predict", "--help", in: folder.url).out
    #expect(help.contains("\"p10\"") && help.contains("1 + levels"), "\(help)")
  }

  @Test(
    .enabled(if: access("/usr/bin/gnuplot", X_OK) == 0, "gnuplot is not installed"),
    arguments: [[], ["data.horizon=[1, 3]"]])
  func `plot draws the band`(_ settings: [String]) throws {
    let folder = try trained("{name: quantile, levels: [0.1, 0.5, 0.9]}", settings)
    let outcome = try Command.run("plot", "run", "--output", "p.svg", in: folder.url)
    #expect(outcome.status == 0, "\(outcome.err)")
    #expect(try folder.read("p.svg").contains("p10 to p90"))
  }

  @Test func `counts must be counts`() throws {
    let folder = try Folder()
    try folder.writeWave()
    let outcome = try Command.run(
      "train", "wave.yaml", "--out", "run", "--set", "loss=poisson", "--set",
      "model.head=[{linear: targets}]",
      in: folder.url)
    #expect(outcome.status == 65)
    #expect(
      outcome.err.contains("column 'y'") && outcome.err.contains("the loss needs counts, whole numbers"))
  }
}
