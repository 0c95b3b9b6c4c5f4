import Foundation
import Recur
import TestSupport
import Testing

/// train → evaluate → predict → inspect → export → plot on a small recipe.
@Suite(.tags(.mpi)) struct WorkflowTests {
  private func trained(epochs: Int = 4) throws -> (folder: Folder, report: [String: Any]) {
    let folder = try Folder()
    try folder.writeWave(epochs: epochs)
    let outcome = try Command.run("train", "wave.yaml", "--out", "run", "--json", in: folder.url)
    try #require(outcome.status == 0, "\(outcome.err)")
    return (folder, try outcome.json())
  }

  @Test func trainReportsWhatItDid() throws {
    let (folder, report) = try trained()
    #expect(report["command"] as? String == "train")
    #expect(report["recipe"] as? String == "wave")
    #expect(report["ranks"] as? Int == 1)
    #expect(try #require(report["threads"] as? Int) >= 1)
    #expect(report["epochs"] as? Int == 4)
    #expect(report["steps"] as? Int == 20)
    #expect(report["parameters"] as? Int == 3 * 6 * (2 + 6 + 2) + 7)
    let losses = try #require(report["epoch_losses"] as? [Double])
    #expect(losses.count == 4)
    #expect(losses.last == report["train_loss"] as? Double)
    #expect(losses[3] < losses[0])
    for part in ["validation", "test"] {
      let metrics = try #require(report[part] as? [String: Any])
      for key in ["loss", "mae", "rmse"] { #expect((metrics[key] as? Double).map { $0 > 0 } == true) }
    }
    #expect(((report["step_milliseconds"] as? [String: Double])?["median"]).map { $0 > 0 } == true)
    #expect(((report["step_milliseconds"] as? [String: Double])?["p95"]).map { $0 > 0 } == true)
    #expect((report["parameters_sha256"] as? String)?.count == 64)
    let checkpoint = try #require(report["checkpoint"] as? String)
    #expect(checkpoint.hasPrefix("/"))
    #expect(FileManager.default.fileExists(atPath: checkpoint))
    for file in ["recipe.yaml", "metrics.jsonl", "checkpoints/latest"] {
      #expect(folder.holds("run/\(file)"))
    }
  }

  @Test func trainTellsItsSettingsOnceAndEndsWithASummary() throws {
    let folder = try Folder()
    try folder.writeWave()
    let outcome = try Command.run("train", "wave.yaml", "--out", "run", in: folder.url)
    #expect(outcome.status == 0, "\(outcome.err)")
    #expect(outcome.out.components(separatedBy: "recipe").count >= 2)
    for word in ["GRU 6", "adam", "training", "validation", "test", "checkpoint: /"] {
      #expect(outcome.out.contains(word), "\(word) is not in: \(outcome.out)")
    }
    // A pipe gets plain lines, the last epoch's among them.
    #expect(outcome.err.contains("epoch 4/4"))
    #expect(!outcome.err.contains("\r"))
  }

  @Test func evaluateRepeatsTrainsNumbersBitForBit() throws {
    let (folder, report) = try trained()
    for target in ["run", try #require(report["checkpoint"] as? String)] {
      let outcome = try Command.run("evaluate", target, "--json", in: folder.url)
      #expect(outcome.status == 0, "\(outcome.err)")
      let evaluation = try outcome.json()
      for part in ["validation", "test"] {
        let trained = try #require(report[part] as? NSDictionary)
        #expect(evaluation[part] as? NSDictionary == trained)
      }
      #expect(evaluation["train"] == nil)
    }
    let one = try Command.run("evaluate", "run", "--split", "train", "--json", in: folder.url).json()
    #expect((one["train"] as? [String: Any])?["samples"] as? Int == 40)
    #expect(one["test"] == nil)
  }

  @Test func predictWritesTheDataFilesUnits() throws {
    let (folder, report) = try trained(epochs: 60)
    let outcome = try Command.run("predict", "run", "--split", "test", "--output", "p.csv", in: folder.url)
    #expect(outcome.status == 0, "\(outcome.err)")
    let lines = try folder.read("p.csv").split(separator: "\n").map {
      $0.split(separator: ",").map(String.init)
    }
    #expect(lines.first == ["split", "sample", "row", "actual_y", "predicted_y"])
    let data = try folder.read("wave.csv").split(separator: "\n").dropFirst().map {
      Double($0.split(separator: ",")[2])!
    }
    #expect(lines.count - 1 == 80 - 4 - 40 - 16)
    var squares = 0.0
    for line in lines.dropFirst() {
      let (actual, predicted) = (try #require(Double(line[3])), try #require(Double(line[4])))
      #expect(abs(actual - data[try #require(Int(line[2]))]) < 1e-3)
      #expect((80...120).contains(predicted))
      squares += (actual - predicted) * (actual - predicted)
    }
    let units = (report["test"] as? [String: Any])?["original_units"] as? [String: Double]
    let rmse = (squares / Double(lines.count - 1)).squareRoot()
    #expect(abs(rmse - (try #require(units?["rmse"]))) < 1e-3)
  }

  @Test func predictReadsAnotherFileWithTheScaleOfTraining() throws {
    let (folder, _) = try trained()
    let rows = try folder.read("wave.csv").split(separator: "\n")
    try folder.write("short.csv", rows.prefix(21).joined(separator: "\n"))
    let other = try Command.run(
      "predict", "run", "--input", "short.csv", "--output", "s.csv", "--json", in: folder.url)
    #expect(other.status == 0, "\(other.err)")
    // One more than have their target in the file.
    #expect(try other.json()["rows"] as? Int == 17)
    _ = try Command.run("predict", "run", "--split", "train", "--output", "t.csv", in: folder.url)
    let short = try folder.read("s.csv").split(separator: "\n")
    let training = try folder.read("t.csv").split(separator: "\n")
    // New data are a part of their own.
    #expect(short.dropFirst().allSatisfy { $0.hasPrefix("input,") } && short[0] == training[0])
    #expect(short[1..<17].map { $0.dropFirst(6) } == training[1..<17].map { $0.dropFirst(6) })
  }

  @Test func inspectShowsTheCheckpointsState() throws {
    let (folder, report) = try trained()
    let outcome = try Command.run("inspect", "run", "--json", in: folder.url)
    #expect(outcome.status == 0, "\(outcome.err)")
    let inspection = try outcome.json()
    #expect(inspection["kind"] as? String == "checkpoint")
    #expect(inspection["parameters"] as? Int == report["parameters"] as? Int)
    let state = try #require(inspection["checkpoint"] as? [String: Any])
    #expect(state["epoch"] as? Int == 4)
    #expect(state["step"] as? Int == 20)
    #expect(state["verified"] as? Bool == true)
    let recipe = try Command.run("inspect", "wave.yaml", "--json", in: folder.url).json()
    #expect(recipe["kind"] as? String == "recipe")
    #expect(recipe["tensors"] as? NSArray == inspection["tensors"] as? NSArray)
  }

  @Test func inspectPrintsTheStepAsAGPURunsIt() throws {
    let (folder, _) = try trained(epochs: 1)
    let outcome = try Command.run("inspect", "wave.yaml", "--program", in: folder.url)
    #expect(outcome.status == 0, "\(outcome.err)")
    for word in ["gru_walk_forward<", "product gradients [", "ranks add up", "adam<"] {
      #expect(outcome.out.contains(word), "\(word)")
    }
    #expect(try Command.run("inspect", "run", "--program", in: folder.url).status == 64)
    let deep = try Command.run(
      "inspect", "wave.yaml", "--program", "--set", "model.num_layers=1001", in: folder.url)
    #expect(deep.status == 65 && deep.err.contains("at most 1000 layers, not 1001"), "\(deep.err)")
    let normed = try Command.run(
      "inspect", "wave.yaml", "--program", "--set", "model.layer_norm=true", in: folder.url)
    #expect(normed.status == 0, "\(normed.err)")
    #expect(normed.out.contains("norm"))
  }

  @Test func exportWritesTheParametersAlone() throws {
    let (folder, report) = try trained()
    let outcome = try Command.run("export", "run", "--safetensors", "m.safetensors", "--json", in: folder.url)
    #expect(outcome.status == 0, "\(outcome.err)")
    #expect(try outcome.json()["parameters"] as? Int == report["parameters"] as? Int)
    let bytes = try Data(contentsOf: folder.url.appendingPathComponent("m.safetensors"))
    let length = bytes.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
    let header = try #require(
      try JSONSerialization.jsonObject(with: bytes[8..<8 + length]) as? [String: [String: Any]])
    #expect(
      header.keys.sorted() == [
        "__metadata__", "fc.bias", "fc.weight", "rnn.bias_hh_l0", "rnn.bias_ih_l0", "rnn.weight_hh_l0",
        "rnn.weight_ih_l0",
      ])
    #expect(header["rnn.weight_ih_l0"]?["shape"] as? [Int] == [18, 2])
    let values = Data(bytes[(8 + length)...])
    #expect(values.count == 4 * (try #require(report["parameters"] as? Int)))
    let digest = values.withUnsafeBytes { parametersSHA256($0.bindMemory(to: Float.self)) }
    #expect(digest == report["parameters_sha256"] as? String)
  }

  @Test(
    .enabled(if: access("/usr/bin/gnuplot", X_OK) == 0, "gnuplot is not installed"),
    arguments: ["svg", "png"])
  func plotDrawsLossAndSeries(_ kind: String) throws {
    let (folder, _) = try trained()
    let outcome = try Command.run("plot", "run", "--output", "p.\(kind)", "--json", in: folder.url)
    #expect(outcome.status == 0, "\(outcome.err)")
    let report = try outcome.json()
    #expect(report["epochs"] as? Int == 4)
    #expect(report["panels"] as? Int == 2)
    let picture = try Data(contentsOf: folder.url.appendingPathComponent("p.\(kind)"))
    if kind == "png" {
      #expect(picture.prefix(4) == Data([0x89, 0x50, 0x4E, 0x47]))
    } else {
      let text = String(decoding: picture, as: UTF8.self)
      for word in ["epoch", "validation", "actual", "predicted", "row of wave.csv"] {
        #expect(text.contains(word))
      }
    }
    #expect(picture.count > 5000)
  }

  @Test func plotWithoutGnuplotSaysHowToGetIt() throws {
    let (folder, _) = try trained()
    let outcome = try Command.run(
      "plot", "run", "--output", "p.svg", in: folder.url, environment: ["PATH": "/nonexistent"])
    #expect(outcome.status == 69)
    #expect(outcome.err.contains("apt-get install gnuplot-nox"))
    #expect(!folder.holds("p.svg"))
  }

  @Test func anExistingRunIsOnlyReplacedWhenToldTo() throws {
    let (folder, report) = try trained()
    let again = try Command.run("train", "wave.yaml", "--out", "run", in: folder.url)
    #expect(again.status == 64)
    #expect(again.err.contains("--resume") && again.err.contains("--overwrite"), "\(again.err)")
    let replaced = try Command.run(
      "train", "wave.yaml", "--out", "run", "--overwrite", "--json", in: folder.url)
    #expect(replaced.status == 0, "\(replaced.err)")
    #expect(try replaced.json()["parameters_sha256"] as? String == report["parameters_sha256"] as? String)
  }
}
