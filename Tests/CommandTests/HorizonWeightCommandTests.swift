import Foundation
import TestSupport
import Testing

/// Weights of several horizons, as `evaluate` counts them.
@Suite(.tags(.mpi)) struct HorizonWeightCommandTests {
  @Test(arguments: ["[{linear: targets}]", "[{linear: 4}, tanh, {linear: targets}]"])
  func aRowThatDoesNotCountCountsAtNoHorizon(head: String) throws {
    let folder = try Folder()
    let rows = (0..<60).map { "\($0 == 30 ? 1_000_000 : $0 % 7),\($0 == 30 ? 0 : 1)" }
    try folder.write("t.csv", (["y,w"] + rows).joined(separator: "\n") + "\n")
    try folder.write(
      "t.yaml",
      """
      name: t
      data: {format: csv, path: t.csv, features: [y], targets: [y], weight: w, window: 5, horizon: [1, 2], scale: none}
      model: {cell: gru, hidden_size: 4, readout: last_step, head: \(head)}
      loss: mse
      train: {epochs: 1, batch_size: 64}
      """)
    try #require(try Command.run("train", "t.yaml", "--out", "run", in: folder.url).status == 0)
    let outcome = try Command.run("evaluate", "run", "--split", "train", "--json", in: folder.url)
    try #require(outcome.status == 0, "\(outcome.err)")
    // A million at one horizon would be a mean error in the ten thousands.
    let error = try #require(
      outcome.out.components(separatedBy: "\"mae\":").last?.prefix { !",}".contains($0) })
    #expect(try #require(Double(error)) < 100, "\(outcome.out)")
  }
}
