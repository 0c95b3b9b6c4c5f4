import Collective
import Dataset
import Diagnostics
import Foundation
import Synchronization
import TestSupport
import Testing
import Training

/// A stop loses nothing: what is said to be saved is the newest checkpoint, the log's last line says the same, and going on is
/// the undisturbed run.
@Suite(.tags(.long)) struct StopTests {
  struct Case: CustomTestStringConvertible, Sendable {
    var cadence: String
    var ranks = 1
    var isText = false
    var isDedicated = false
    var testDescription: String {
      "\(cadence), \(ranks) ranks\(isText ? ", text" : "")\(isDedicated ? ", dedicated" : "")"
    }
  }

  private static let cadences = [
    "{}", "{every_epochs: 1}", "{every_epochs: 3, keep_best: 0}", "{every_epochs: 50, keep_last: 1}",
    "{every_seconds: 1.0e-3, keep_last: 2}", "{every_seconds: 1.0e-9}",
    "{every_epochs: 1, every_seconds: 2.0e-3}",
  ]
  static let cases =
    cadences.map { Case(cadence: $0) } + cadences.map { Case(cadence: $0, ranks: 3) }
    + cadences.map { Case(cadence: $0, ranks: 3, isDedicated: true) }
    + cadences.map { Case(cadence: $0, isText: true) }
    + [
      Case(cadence: cadences[1], ranks: 3, isText: true),
      Case(cadence: cadences[4], ranks: 3, isText: true, isDedicated: true),
    ]

  /// 4 epochs of 125 steps, or of 26 with states that are carried on.
  private func recipe(_ run: TemporaryRun, _ test: Case) throws -> Recipe {
    let text = TextRunTests.text
    try text.write(toFile: run.path + "/text.txt", atomically: true, encoding: .utf8)
    let series = """
      data: {format: csv, path: series.csv, features: [a, b], targets: [c], scale: minmax, window: 4, horizon: 1,
        split: {train: 250, validation: 8, test: rest}}
      model: {cell: gru, hidden_size: 3, readout: last_step, head: [{linear: 1}]}
      loss: mse
      train: {epochs: 4, batch_size: 2, log_every_steps: 7}
      schedule: {name: plateau, patience: 0, warmup_steps: 150}
      early_stopping: {patience: 1000, metric: validation.rmse}
      """
    let words = """
      data: {format: text, path: text.txt, sequence_length: 5, split: {train: 0.8, validation: 0.1, test: rest}}
      model: {embedding: 3, cell: lstm, hidden_size: 3, readout: every_step, head: [{linear: classes}]}
      loss: cross_entropy
      train: {epochs: 4, batch_size: 4, log_every_steps: 3}
      """
    let yaml = """
      name: stops
      seed: 3
      \(test.isText ? words : series)
      optimizer: {name: adam, lr: 0.01}
      checkpoint: \(test.cadence)
      distributed: {coordinator: \(test.isDedicated ? "dedicated" : "shared")}
      """
    return try Recipe(yaml: yaml, path: "stops.yaml", baseDirectory: run.path)
  }

  /// RECUR_STOPS asks for more of them, over all cases.
  @Test(arguments: cases) func whatIsSaidToBeSavedIsSaved(test: Case) throws {
    let run = try TemporaryRun(rows: 300)
    let recipe = try recipe(run, test)
    let whole = try run.train(recipe, ranks: test.ranks, out: "whole")
    let log = try StopLog(whole)
    var left = (repetitions("RECUR_STOPS", usually: 60) + Self.cases.count - 1) / Self.cases.count
    while left > 0 {
      var report = try cut(run, recipe, test, .never, after: 0, of: whole.steps)
      var last = 0
      while report.status == .interrupted {
        left -= 1
        #expect(report.steps > last)
        last = report.steps
        try check(report)
        report = try cut(run, recipe, test, .auto, after: last, of: whole.steps)
      }
      #expect(report.parametersSHA256 == whole.parametersSHA256)
      #expect(report.epochLosses.map(\.bitPattern) == whole.epochLosses.map(\.bitPattern))
      #expect(try StopLog(report) == log)
      #expect(try CheckpointFile(reading: report.checkpoint).state.step == whole.steps)
    }
  }

  /// Trains until a stop at a random step, or at a random time.
  private func cut(
    _ run: TemporaryRun, _ recipe: Recipe, _ test: Case, _ resume: ResumeChoice, after last: Int,
    of steps: Int
  ) throws -> TrainingReport {
    let atStep = Bool.random()
    return try run.train(
      recipe, ranks: test.ranks, out: "cut", resume: resume, overwrite: resume == .never,
      stopAt: atStep ? .random(in: last...max(last, steps + 20)) : nil,
      stopAfter: atStep ? nil : .random(in: 0...30_000))
  }

  private func check(_ report: TrainingReport) throws {
    let newest = try #require(try RunDirectory.checkpoint(at: report.runDirectory).file)
    #expect(newest.path == report.checkpoint && newest.state.step == report.steps)
    let line = try #require(try StopLog(report).lines.last)
    #expect(line["event"] as? String == "end" && line["status"] as? String == "interrupted")
    #expect(line["step"] as? Int == report.steps && line["epochs"] as? Int == newest.state.epoch)
  }

  /// The epoch before is saved, and then nothing can be written any more.
  @Test func whatCanNotBeSavedIsNotSaidToBe() throws {
    let run = try TemporaryRun(rows: 300)
    let recipe = try recipe(run, Case(cadence: "{every_epochs: 1}"))
    let isFull = Atomic(false)
    var options = TrainingOptions()
    options.outputDirectory = run.path + "/full"
    options.fileSystem = FileSystem { call, path in
      isFull.load(ordering: .relaxed) && call == .write && path.contains("step-") ? .error(ENOSPC) : nil
    }
    let trainer = try Trainer(recipe: recipe, data: LoadedData(recipe.data), options: options)
    trainer.faults = { [unowned trainer] step, _ in
      guard step == 150 else { return }
      let saved = run.path + "/full/checkpoints/step-00000125.safetensors"
      for _ in 0..<10_000 where !FileManager.default.fileExists(atPath: saved) { usleep(1000) }
      isFull.store(true, ordering: .relaxed)
      trainer.requestStop()
    }
    let failure = #expect(throws: Failure.self) { try trainer.run() }
    #expect(failure?.kind == .inputOutput && failure?.message.contains("No space left") == true)
    #expect(try RunDirectory.checkpoint(at: run.path + "/full").file?.state.step == 125)
    #expect(try run.metrics("full", "end").isEmpty)
    let whole = try run.train(recipe, out: "whole")
    let resumed = try run.train(recipe, out: "full", resume: .auto)
    #expect(resumed.parametersSHA256 == whole.parametersSHA256)
  }

  /// Early, and at its last epoch: no step is taken, and the report is the same.
  @Test(arguments: [true, false]) func aRunThatHasEndedTakesNoStep(early: Bool) throws {
    let run = try TemporaryRun()
    let more = early ? ["early_stopping={metric: validation.loss, patience: 1, min_delta: 9}"] : []
    let recipe = try Recipe(
      yaml: run.recipe().effectiveYAML, path: "r", baseDirectory: "/", overrides: ["train.epochs=6"] + more)
    let first = try run.train(recipe, out: "run")
    #expect(first.status == (early ? .earlyStopped : .completed))
    let log = try StopLog(first)
    for _ in 0..<3 {
      let notes = Notes()
      let again = try run.train(recipe, out: "run", resume: .auto, observer: notes)
      #expect(again.status == first.status && again.steps == first.steps && again.epochs == first.epochs)
      #expect(again.parametersSHA256 == first.parametersSHA256 && again.checkpoint == first.checkpoint)
      #expect(again.test == first.test && again.epochLosses == first.epochLosses)
      #expect(notes.lines.contains { $0.contains("this run is finished") }, "\(notes.lines)")
      #expect(try StopLog(again) == log)
    }
  }
}

/// metrics.jsonl without what depends on the clock.
struct StopLog: Equatable {
  let lines: [[String: Any]]

  init(_ report: TrainingReport) throws {
    lines = try String(contentsOfFile: report.runDirectory + "/metrics.jsonl", encoding: .utf8)
      .split(separator: "\n").map { line in
        var values = try #require(
          try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
        for key in values.keys where key.contains("second") || key.hasPrefix("slowest") { values[key] = nil }
        return values
      }.filter { $0["event"] as? String != "reduction" }
  }

  static func == (a: StopLog, b: StopLog) -> Bool {
    a.lines.map { $0 as NSDictionary } == b.lines.map { $0 as NSDictionary }
  }
}

/// Keeps what a person is told.
final class Notes: TrainingObserver, Sendable {
  private let kept = Mutex<[String]>([])
  var lines: [String] { kept.withLock { $0 } }

  func started(_ start: TrainingStart) {}
  func progress(_ progress: TrainingProgress) {}
  func epochEnded(_ epoch: EpochSummary) {}
  func checkpointSaved(path: String) {}
  func note(_ line: String) { kept.withLock { $0.append(line) } }
}
