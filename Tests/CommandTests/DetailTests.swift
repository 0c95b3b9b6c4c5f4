import Foundation
import TestSupport
import Testing

/// What evaluate and plot say about classes, on the digits that come with the recipes.
@Suite(.tags(.mpi)) struct DetailTests {
  private func trained(_ folder: Folder) throws {
    let recipe = Command.repository.appendingPathComponent("launch/recipes/mnist-bilstm.yaml").path
    let data = Command.repository.appendingPathComponent("launch/data").path
    let outcome = try Command.run(
      "train", recipe, "--out", "run", "--set", "train.epochs=2", "--set",
      "data={format: npy, path: \(data)/digits-train.npy, labels_path: \(data)/digits-train-labels.npy, "
        + "test_path: \(data)/digits-test.npy, test_labels_path: \(data)/digits-test-labels.npy, scale: minmax}",
      in: folder.url)
    try #require(outcome.status == 0, "\(outcome.err)")
  }

  @Test func `evaluate tells which class was taken for which`() throws {
    let folder = try Folder()
    try trained(folder)
    let report = try Command.run("evaluate", "run", "--top-k", "1", "--top-k", "3", "--json", in: folder.url)
      .json()
    let test = try #require(report["test"] as? [String: Any])
    let details = try #require((report["details"] as? [String: Any])?["test"] as? [String: Any])
    let confusion = try #require(details["confusion_matrix"] as? [[Int]])
    #expect(confusion.count == 10 && confusion.allSatisfy { $0.count == 10 })
    #expect(confusion.flatMap(\.self).reduce(0, +) == test["samples"] as? Int)
    let right = confusion.indices.map { confusion[$0][$0] }.reduce(0, +)
    let accuracy = try #require(test["accuracy"] as? Double)
    #expect(abs(Double(right) / 360 - accuracy) < 1e-12)
    let top = try #require(details["top_k_accuracy"] as? [String: Double])
    #expect(top["1"] == accuracy && top["3"]! >= accuracy && top.count == 2)
    #expect(try #require(test["top_5_accuracy"] as? Double) >= top["3"]!)
    let classes = try #require(details["classes"] as? [[String: Any]])
    #expect(classes.map { $0["support"] as? Int } == confusion.map { $0.reduce(0, +) })
    let readable = try Command.run("evaluate", "run", in: folder.url)
    for word in ["macro F1", "precision", "actual ↓ predicted →", "top-5 accuracy"] {
      #expect(readable.out.contains(word), "\(readable.out)")
    }
  }

  @Test(
    .enabled(if: access("/usr/bin/gnuplot", X_OK) == 0, "gnuplot is not installed"))
  func `plot draws the confusion matrix`() throws {
    let folder = try Folder()
    try trained(folder)
    let outcome = try Command.run("plot", "run", "--output", "p.svg", "--json", in: folder.url)
    #expect(outcome.status == 0, "\(outcome.err)")
    #expect(try outcome.json()["panels"] as? Int == 3)
    let picture = try folder.read("p.svg")
    #expect(picture.contains("predicted class, test") && picture.contains("share of the actual class"))
  }
}

/// A forecast of several hours, from training to its picture.
@Suite(.tags(.mpi)) struct ForecastTests {
  @Test func `every horizon has its errors and its column`() throws {
    let folder = try Folder()
    try folder.writeWave()
    let outcome = try Command.run(
      "train", "wave.yaml", "--out", "run", "--set", "data.horizon=[1, 3]", "--set",
      "model.head=[{linear: 3}]",
      in: folder.url)
    try #require(outcome.status == 0, "\(outcome.err)")
    let report = try Command.run("evaluate", "run", "--split", "test", "--json", in: folder.url).json()
    let details = try #require((report["details"] as? [String: Any])?["test"] as? [String: Any])
    let targets = try #require(details["targets"] as? [[String: Any]])
    #expect(targets.compactMap { $0["name"] as? String } == ["y+1", "y+2", "y+3"])
    #expect(targets.allSatisfy { $0["r2"] is Double && ($0["mae"] as? Double ?? 0) > 0 })
    _ = try Command.run("predict", "run", "--split", "test", "--output", "p.csv", in: folder.url)
    let lines = try folder.read("p.csv").split(separator: "\n").map {
      $0.split(separator: ",").map(String.init)
    }
    #expect(
      lines[0].dropFirst(3) == [
        "actual_y+1", "predicted_y+1", "actual_y+2", "predicted_y+2", "actual_y+3", "predicted_y+3",
      ])
    // What is two rows ahead now is one row ahead a row later.
    #expect(lines[1][5] == lines[2][3] && lines[1][7] == lines[3][3])
    guard access("/usr/bin/gnuplot", X_OK) == 0 else { return }
    let picture = try Command.run("plot", "run", "--output", "p.svg", in: folder.url)
    #expect(picture.status == 0, "\(picture.err)")
    let drawn = try folder.read("p.svg")
    #expect(drawn.contains("forecasts of rows +1 to +3"))
    // Forecasts from different origins are not joined: each is a stroke of its own.
    let strokes = drawn.components(separatedBy: "<path").filter { $0.contains("rgb(213,  94,   0)") }.map {
      $0.count { $0 == "M" }
    }
    #expect(strokes.max() ?? 0 > 3)
  }
}
