import Foundation
import TestSupport
import Testing

/// `--set` on a trained network changes where data come from, never what its numbers mean.
@Suite(.tags(.mpi)) struct MeaningTests {
  @Test func whatNumbersMeanIsTheCheckpoints() throws {
    let folder = try Folder()
    let rows = (0..<40).map { "2024-01-\($0 % 28 + 1),\($0 % 7),\($0 % 5)" }
    try folder.write("t.csv", (["d,a,b"] + rows).joined(separator: "\n") + "\n")
    try folder.write(
      "t.yaml",
      """
      name: t
      data: {format: csv, path: t.csv, features: [a, b], targets: [a, b], window: 5, horizon: 1, split: {train: 30, test: rest}}
      model: {cell: rnn, hidden_size: 4, readout: last_step, head: [{linear: 6}]}
      loss: {name: quantile, levels: [0.1, 0.5, 0.9]}
      train: {epochs: 1, batch_size: 64}
      """)
    try #require(try Command.run("train", "t.yaml", "--out", "run", in: folder.url).status == 0)
    for change in [
      "data.horizon=3", "data.targets=[b, a]", "data.features=[b, a]", "loss.levels=[0.2, 0.5, 0.6]",
      "model.nonlinearity=relu", "model.readout=final_state", "data.relative=true",
    ] {
      for command in [["evaluate"], ["predict"], ["forecast"]] {
        let outcome = try Command.run(arguments: command + ["run", "--set", change], in: folder.url)
        let key = change.prefix { $0 != "=" }
        #expect(
          outcome.status == 65 && outcome.err.contains("\(key): ")
            && outcome.err.contains("(the checkpoint: "),
          "\(command) \(change): \(outcome.err)")
      }
    }
    try folder.write("u.csv", (["d,a,b"] + rows.reversed()).joined(separator: "\n") + "\n")
    for change in ["data.path=u.csv", "data.split={train: 20, test: rest}", "train.ema=null"] {
      let outcome = try Command.run("evaluate", "run", "--set", change, in: folder.url)
      #expect(outcome.status == 0, "\(change): \(outcome.err)")
    }
  }
}
