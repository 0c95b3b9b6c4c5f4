import Foundation
import TestSupport
import Testing

/// What is written of numbers: what a file says stays what it says, at any level, and no digit is invented.
@Suite(.tags(.mpi)) struct NumberDigitsTests {
  /// - level: of sixty rows that rise by a quarter.
  private func trained(_ level: Double, relative: Bool) throws -> Folder {
    let folder = try Folder()
    let rows = (0..<60).map { "\(level + Double($0) * 0.25)" }
    try folder.write("t.csv", (["y"] + rows).joined(separator: "\n") + "\n")
    try folder.write(
      "t.yaml",
      """
      name: t
      data: {format: csv, path: t.csv, features: [y], targets: [y], window: 5, horizon: 1, scale: standard, relative: \(relative), split: {train: 40, test: rest}}
      model: {cell: gru, hidden_size: 4, readout: last_step, head: [{linear: targets}]}
      loss: mse
      train: {epochs: 1, batch_size: 64}
      """)
    try #require(try Command.run("train", "t.yaml", "--out", "run", in: folder.url).status == 0)
    return folder
  }

  @Test(arguments: [0, 12_345_678, 1_700_000_000], [false, true])
  func actualValuesAreThoseOfTheFile(level: Double, relative: Bool) throws {
    let folder = try trained(level, relative: relative)
    let outcome = try Command.run("predict", "run", "-o", "p.csv", in: folder.url)
    try #require(outcome.status == 0, "\(outcome.err)")
    let text = try String(contentsOf: folder.url.appending(path: "p.csv"), encoding: .utf8)
    let lines = text.split(separator: "\n").map { $0.split(separator: ",").map(String.init) }
    let (row, actual) = (lines[0].firstIndex(of: "row")!, lines[0].firstIndex(of: "actual_y")!)
    #expect(lines.count > 10)
    for line in lines.dropFirst() {
      #expect(Double(line[actual]) == level + Double(line[row])! * 0.25, "\(line)")
    }
  }

  @Test func aForecastKeepsWhatLiesBelowItsLevel() throws {
    let folder = try trained(1_700_000_000, relative: true)
    let outcome = try Command.run("forecast", "run", "--steps", "4", in: folder.url)
    try #require(outcome.status == 0, "\(outcome.err)")
    let said = outcome.out.split(separator: "\n").dropFirst().map { Double($0.split(separator: ",").last!)! }
    #expect(Set(said).count == 4 && said.allSatisfy { $0 != $0.rounded() }, "\(outcome.out)")
  }
}
