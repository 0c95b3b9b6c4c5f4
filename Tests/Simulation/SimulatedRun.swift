import Dataset
import Diagnostics
import Foundation
import Training

/// The recipes that are simulated, and what a run of each comes to where nothing happens to it.
final class SimulatedRecipe {
  let number: Int
  let recipe: Recipe
  let data: LoadedData
  /// Ranks that it may have.
  var ranks: ClosedRange<Int> { recipe.distributed.coordinator == .dedicated ? 2...5 : 1...5 }

  static let count = 6

  private static let series = (0..<40).map { i in
    let (a, b) = (sin(0.3 * Double(i)), 5 * cos(0.11 * Double(i)))
    return "\(a),\(b),\(a * b)"
  }

  /// - folder: for its data.
  init(_ number: Int, in folder: String) throws {
    self.number = number
    let path = folder + "/series.csv"
    if !FileManager.default.fileExists(atPath: path) {
      try (["a,b,c"] + Self.series).joined(separator: "\n").write(
        toFile: path, atomically: true, encoding: .utf8)
    }
    let cadence = [
      "{every_epochs: 1}", "{every_seconds: 0.01, keep_last: 2}", "{every_epochs: 2, every_seconds: 0.03}",
    ][number % 3]
    let yaml = """
      name: simulated
      seed: 7
      data: {format: csv, path: series.csv, features: [a, b], targets: [c], scale: minmax, window: 3, horizon: 1,
        split: {train: 25, validation: 6, test: rest}}
      model: {cell: \(["gru", "lstm", "rnn"][number % 3]), hidden_size: 3, readout: last_step, head: [{linear: 1}]}
      loss: mse
      optimizer: {name: adam, lr: 0.02}
      schedule: {name: plateau, patience: 0, warmup_steps: 5}
      early_stopping: {patience: 1000, metric: validation.rmse}
      train: {epochs: 3, batch_size: 6, log_every_steps: 2}
      checkpoint: \(cadence)
      distributed: {reduction: strict, coordinator: \(number < 3 ? "shared" : "dedicated"), replica_check_every: 4}
      """
    recipe = try Recipe(yaml: yaml, path: "simulated.yaml", baseDirectory: folder)
    data = try LoadedData(recipe.data)
  }
}

/// What must be the same in every run of a recipe.
struct RunResult: Equatable {
  var hash: String
  var losses: [UInt64]
  var steps: Int
  /// The losses of steps and epochs as the log has them.
  var log: [String]

  init(_ report: TrainingReport) throws {
    (hash, steps) = (report.parametersSHA256, report.steps)
    losses = report.epochLosses.map(\.bitPattern)
    let lines = try String(contentsOfFile: report.runDirectory + "/metrics.jsonl", encoding: .utf8)
    log = lines.split(separator: "\n").compactMap { Self.entry(String($0)) }
  }

  /// Without what depends on time, ranks or attempts.
  private static func entry(_ line: String) -> String? {
    guard let object = try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any],
      let event = object["event"] as? String, ["step", "epoch"].contains(event)
    else { return nil }
    let keys = ["epoch", "step", "loss", "learning_rate", "train_loss"]
    return keys.map { key in "\(key) \(object[key].map { "\($0)" } ?? "-")" }.joined(separator: " ")
  }
}
