import Foundation
import Testing

/// What evaluate and plot say about classes, on the digits that come with the recipes.
@Suite struct DetailTests {
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
