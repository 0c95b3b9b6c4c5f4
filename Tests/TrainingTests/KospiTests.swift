import Dataset
import Foundation
import TestSupport
import Testing
import Training

private struct KospiCase: Decodable {
  let recipe: String
  let windows: Int
  let losses: [Double]
}

private let kospi: String = {
  let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()
  let shared =
    ProcessInfo.processInfo.environment["RECUR_SHARED"] ?? root.appendingPathComponent("shared").path
  return shared + "/data/kospi/kospi.csv"
}()

@Suite(.tags(.fast)) struct KospiTests {
  /// 50 epochs of the stock recipes with shuffling off follow PyTorch's losses from the same seed.
  @Test(
    .enabled(if: FileManager.default.fileExists(atPath: kospi), "needs ../shared/data/kospi/kospi.csv"),
    arguments: ["rnn", "lstm", "gru"])
  func followsPyTorch(cell: String) throws {
    let run = try TemporaryRun()
    let head = cell == "rnn" ? "[{linear: 1}, sigmoid]" : "[{linear: 1}]"
    let recipe = try Recipe(
      yaml: stock, path: "stock.yaml", baseDirectory: "/",
      overrides: [
        "data.path=\(kospi)", "model.cell=\(cell)", "model.head=\(head)", "train.shuffle=false",
        "train.epochs=50",
      ])
    let expected = try Reference.load("kospi.json", as: [KospiCase].self).first {
      $0.recipe == "stock-\(cell)"
    }!
    let report = try run.train(recipe, out: "run")
    #expect(report.epochLosses.count == expected.losses.count)
    for (epoch, (loss, reference)) in zip(report.epochLosses, expected.losses).enumerated() {
      #expect(abs(loss - reference) < 1e-4 * reference, "epoch \(epoch): \(loss), PyTorch \(reference)")
    }
  }
}
