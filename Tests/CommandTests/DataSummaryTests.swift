import Foundation
import TestSupport
import Testing

/// What a person sees of the data before and while a network is trained.
@Suite(.tags(.mpi)) struct DataSummaryTests {
  @Test func inspectShowsWhatIsRead() throws {
    let folder = try Folder()
    try folder.writeWave(epochs: 1)
    let outcome = try Command.run("inspect", "wave.yaml", "--data", in: folder.url)
    #expect(outcome.status == 0, "\(outcome.err)")
    let lines = outcome.out.split(separator: "\n").map { $0.split(separator: " ").joined(separator: " ") }
    #expect(lines.contains("data: up to 4 steps of 2 numbers, to predict 1 number"))
    // Windows of 4 rows, the target one after: sample 0's is row 4, the last one's the file's last.
    #expect(lines.contains("training 40 rows 4 to 43") && lines.contains("validation 16 rows 44 to 59"))
    #expect(lines.contains("test 20 rows 60 to 79") && lines.contains("scaled = x · scale + offset"))
    let report = try Command.run("inspect", "wave.yaml", "--data", "--json", in: folder.url).json()
    let data = try #require(report["data"] as? [String: Any])
    let scales = try #require(data["scales"] as? [[String: Any]])
    #expect(scales.map { $0["column"] as? String } == ["a", "b", "y (target)"])
    // The first row is sin 0 and cos 0, which the scale brings to 0...1 of the training rows.
    let a = try #require(scales[0]["scale"] as? Double)
    let offset = try #require(scales[0]["offset"] as? Double)
    let head = try #require(data["head"] as? [[String]])
    #expect(head.count == 4 && abs(Double(head[0][0])! - (0 * a + offset)) < 1e-3 && head[0][1] == "1")
    let text = try Command.run("inspect", "launch/recipes/classify-last.yaml", "--data")
    #expect(text.status == 0 && text.out.contains("to predict one of 2 classes"), "\(text.err)")
    let run = try Command.run("inspect", "wave.csv", "--data", in: folder.url)
    #expect(run.status != 0)
  }

  /// Accuracy, or an error in the units of the file, beside the loss, with a validation part and without.
  @Test func epochLinesShowMoreThanTheLoss() throws {
    let folder = try Folder()
    try folder.writeWave(epochs: 1)
    let numbers = try Command.run("train", "wave.yaml", "--out", "a", "--json", in: folder.url)
    let line = try #require(numbers.err.split(separator: "\n").first { $0.hasPrefix("epoch 1/1") })
    #expect(line.contains("  rmse ") && line.contains("  validation ") && line.contains("  mae "), "\(line)")
    let loss = try #require(try numbers.json()["train_loss"] as? Double)
    let inspected = try Command.run("inspect", "wave.yaml", "--data", "--json", in: folder.url).json()
    let scales = (inspected["data"] as? [String: Any])?["scales"] as? [[String: Any]]
    let unit = 1 / (try #require(scales?[2]["scale"] as? Double))
    #expect(line.contains("  rmse \(String(format: "%.4g", loss.squareRoot() * unit))  "), "\(line)")
    let alone = try Command.run(
      "train", "launch/recipes/classify-last.yaml", "--out", folder.path("b"), "--set", "train.epochs=1")
    let accuracy = try #require(alone.err.split(separator: "\n").first { $0.hasPrefix("epoch 1/1") })
    #expect(
      accuracy.contains("  accuracy ") && accuracy.contains("%  ") && !accuracy.contains("validation"),
      "\(accuracy)")
  }
}
