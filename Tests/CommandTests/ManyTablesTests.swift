import Foundation
import TestSupport
import Testing

/// Tables of which columns or files are series, from init to forecast.
@Suite(.tags(.mpi)) struct ManyTablesTests {
  private func run(_ folder: Folder, _ words: String, status: Int32 = 0) throws -> String {
    let outcome = try Command.run(arguments: words.split(separator: " ").map(String.init), in: folder.url)
    #expect(outcome.status == status, "\(words): \(outcome.err)")
    return status == 0 ? outcome.out : outcome.err
  }

  private func wave(_ row: Int, _ phase: Double) -> String {
    String(format: "%.3f", 10 * phase + sin(Double(row) / 3 + phase))
  }

  @Test func aWideTableIsForecastInThreeCommands() throws {
    let folder = try Folder()
    let rows = (0..<60).map { "\($0),\(wave($0, 0)),\(wave($0, 1)),\(wave($0, 2))" }
    try folder.write("wide.csv", "t,a,b,c\n" + rows.joined(separator: "\n") + "\n")
    try folder.write("wide.yaml", run(folder, "init wide.csv --wide --time t --horizon 3"))
    _ = try run(folder, "recipe check wide.yaml")
    _ = try run(folder, "train wide.yaml --out run --set train.epochs=2")
    let lines = try run(folder, "forecast run --plot next.svg").split(separator: "\n")
    #expect(lines.count == 10 && lines[1].hasPrefix("a,60,1,") && lines[9].hasPrefix("c,62,3,"), "\(lines)")
    _ = try run(folder, "backtest run --folds 2 --step 1")
    _ = try run(folder, "plot run --output run.svg")
    #expect(folder.holds("next.svg") && folder.holds("run.svg"))
  }

  @Test func aFileOfSeveralKeepsItsNameAndScale() throws {
    let folder = try Folder()
    for (phase, name) in ["a", "b"].enumerated() {
      let rows = (0..<40).map { "\($0),\(wave($0, Double(5 * phase)))" }
      try folder.write("part-\(name).csv", "t,x\n" + rows.joined(separator: "\n") + "\n")
    }
    try folder.write(
      "many.yaml",
      """
      data: {format: csv, paths: part-*.csv, time: t, features: [x], targets: [x], scale: standard,
        scale_per: series, window: 4, horizon: 1, split: {train: 0.7, test: rest}}
      model: {cell: gru, hidden_size: 3, readout: last_step, head: [{linear: targets}]}
      loss: mse
      train: {epochs: 2, batch_size: 8}
      """)
    _ = try run(folder, "train many.yaml --out run")
    let all = try run(folder, "forecast run").split(separator: "\n")
    #expect(all.count == 3 && all[2].hasPrefix("part-b.csv,40,1,"))
    let one = try run(folder, "forecast run --input part-b.csv").split(separator: "\n")
    #expect(one == [all[0], all[2]])
    #expect(try run(folder, "forecast run --input part-*.csv").split(separator: "\n") == all)
    let predicted = try run(folder, "predict run --input part-b.csv").split(separator: "\n")
    #expect(predicted.count == 38 && predicted.dropFirst().allSatisfy { $0.contains("part-b.csv") })
    #expect(try run(folder, "predict run --input none.csv", status: 66).contains("none.csv"))
    // Another name is another series, which takes the scale over all, and that is said.
    try folder.write("other.csv", folder.read("part-b.csv"))
    let other = try Command.run("forecast", "run", "--input", "other.csv", in: folder.url)
    #expect(other.status == 0 && other.err.contains("series 'other.csv' was not in training"))
  }

  @Test func namesOfTwoColumnsStayApart() throws {
    let folder = try Folder()
    let rows = (0..<30).map { "\($0),x/y,z,\(wave($0, 0))\n\($0),x,y/z,\(wave($0, 9))" }
    try folder.write("keys.csv", "t,p,q,x\n" + rows.joined(separator: "\n") + "\n")
    try folder.write(
      "keys.yaml",
      """
      data: {format: csv, path: keys.csv, series: [p, q], time: t, features: [x], targets: [x], window: 4,
        horizon: 1}
      model: {cell: rnn, hidden_size: 2, readout: last_step, head: [{linear: targets}]}
      loss: mse
      train: {epochs: 1, batch_size: 8}
      """)
    _ = try run(folder, "train keys.yaml --out run")
    let lines = try run(folder, "forecast run").split(separator: "\n").dropFirst()
    #expect(lines.map { $0.split(separator: ",")[0] } == ["x/y\\/z", "x\\/y/z"])
  }
}
