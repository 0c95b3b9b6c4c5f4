import Collective
import Dataset
import Foundation
import Testing
import Training

/// A folder with a small series, removed at the end: sin and cos, the next value of their product is the target. Column g names
/// sequences of one to five rows.
final class TemporaryRun: Sendable {
  let path: String

  init(rows: Int = 60) throws {
    path = NSTemporaryDirectory() + "recur-training-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    var ends: [Int] = []
    while (ends.last ?? 0) < rows { ends.append((ends.last ?? 0) + 1 + ends.count * 3 % 5) }
    let lines = (0..<rows).map { i in
      let (a, b) = (sin(0.3 * Double(i)), 5 * cos(0.11 * Double(i)))
      return "\(a),\(b),\(a * b),\(a * b > 0 ? "up" : "down"),\(ends.firstIndex { i < $0 }!)"
    }
    try (["a,b,c,d,g"] + lines).joined(separator: "\n").write(
      toFile: path + "/series.csv", atomically: true, encoding: .utf8)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func recipe(_ overrides: String...) throws -> Recipe {
    let yaml = """
      name: series
      seed: 7
      data:
        format: csv
        path: series.csv
        features: [a, b]
        targets: [c]
        scale: minmax
        window: 4
        horizon: 1
        split: {train: 37, validation: 8, test: rest}
      model: {cell: lstm, hidden_size: 5, readout: last_step, head: [{linear: 1}]}
      loss: mse
      optimizer: {name: adam, lr: 0.01}
      train: {epochs: 4, batch_size: 8}
      """
    return try Recipe(yaml: yaml, path: "series.yaml", baseDirectory: path, overrides: overrides)
  }

  /// Trains on all ranks and gives rank 0's report. The last rank may be asked to stop: at once, before the step of a number
  /// from 0, or some time after the start.
  func train(
    _ recipe: Recipe, ranks: Int = 1, out: String, resume: ResumeChoice = .never, threads: Int? = nil,
    overwrite: Bool = false, observer: (any TrainingObserver & Sendable)? = nil, stopAtOnce: Bool = false,
    stopAt step: Int? = nil, stopAfter microseconds: UInt32? = nil
  ) throws -> TrainingReport {
    let reports = try Threaded.withRanks(ranks) { group in
      var options = TrainingOptions()
      options.outputDirectory = "\(self.path)/\(out)"
      options.resume = resume
      options.overwrite = overwrite
      options.threads = threads
      let trainer = try Trainer(
        recipe: recipe, data: LoadedData(recipe.data), options: options, communicator: group,
        observer: observer)
      guard group.rank == ranks - 1 else { return try trainer.run() }
      if stopAtOnce { trainer.requestStop() }
      if let step {
        trainer.faults = { [unowned trainer] next, _ in if next >= step { trainer.requestStop() } }
      }
      guard let microseconds else { return try trainer.run() }
      let asked = Stopper(trainer, after: microseconds)
      defer { asked.wait() }
      return try trainer.run()
    }
    #expect(reports.allSatisfy { $0.parametersSHA256 == reports[0].parametersSHA256 })
    #expect(
      reports.allSatisfy { $0.epochLosses.map(\.bitPattern) == reports[0].epochLosses.map(\.bitPattern) })
    #expect(reports.allSatisfy { $0.checkpoint == reports[0].checkpoint })
    return reports[0]
  }

  /// The lines of an event in a run's log.
  func metrics(_ out: String, _ event: String) throws -> [[String: Any]] {
    try String(contentsOfFile: "\(path)/\(out)/metrics.jsonl", encoding: .utf8).split(separator: "\n").map {
      try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
    }.filter { $0["event"] as? String == event }
  }

  /// All model tensors of a report's checkpoint, one after the other.
  static func parameters(_ report: TrainingReport) throws -> [Float] {
    let file = try CheckpointFile(reading: report.checkpoint)
    return file.modelTensors.flatMap(\.values)
  }
}

/// Asks a trainer to stop from a thread of its own, as a signal does.
private final class Stopper: @unchecked Sendable {
  private let trainer: Trainer
  private let done = DispatchSemaphore(value: 0)

  init(_ trainer: Trainer, after microseconds: UInt32) {
    self.trainer = trainer
    Thread.detachNewThread { [self] in
      usleep(microseconds)
      self.trainer.requestStop()
      done.signal()
    }
  }

  func wait() { done.wait() }
}

func relativeDifference(_ a: [Float], _ b: [Float]) -> Double {
  precondition(a.count == b.count && !a.isEmpty)
  let squares = zip(a, b).map { Double($0 - $1) * Double($0 - $1) }.reduce(0, +)
  return (squares / b.map { Double($0) * Double($0) }.reduce(0, +)).squareRoot()
}
