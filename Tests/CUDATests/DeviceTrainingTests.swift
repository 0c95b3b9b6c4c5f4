import CUDA
import Collective
import Dataset
import Devices
import Diagnostics
import Files
import Foundation
import TestSupport
import Testing
import Training

/// Whole runs through the trainer, with the kernels executed on the processor in place of a GPU.
@Suite(.tags(.long)) struct DeviceTrainingTests {
  /// A folder with a small table and recipes for it.
  struct Run: @unchecked Sendable {
    let folder: URL
    /// Used by runs of one rank, one after the other.
    let executor = ShimExecutor(seed: 3)

    init() throws {
      folder = FileManager.default.temporaryDirectory.appendingPathComponent("device-\(UUID().uuidString)")
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      let rows = (0..<60).map { i in
        (0..<3).map { "\(sin(0.31 * Double(i) + Double($0)))" }.joined(separator: ",")
      }
      try (["a,b,c"] + rows).joined(separator: "\n")
        .write(to: folder.appendingPathComponent("d.csv"), atomically: true, encoding: .utf8)
    }

    func recipe(_ overrides: [String]) throws -> Recipe {
      let yaml = """
        name: device
        seed: 5
        data: {format: csv, path: d.csv, features: [a, b], targets: [c], window: 4, split: {train: 26, validation: 10, test: rest}}
        model: {cell: lstm, hidden_size: 5, num_layers: 2, dropout: 0.2, readout: last_step, head: [{linear: 1}]}
        loss: mse
        optimizer: {name: adam, lr: 0.01}
        train: {epochs: 3, batch_size: 10, shuffle: true, clip_norm: 0.5}
        """
      return try Recipe(yaml: yaml, path: "r", baseDirectory: folder.path, overrides: overrides)
    }

    func train(
      _ recipe: Recipe, out: String, resume: ResumeChoice = .never, communicator: any Communicator = Solo(),
      device: Bool = true, engine: Engine? = .walk, executor: ShimExecutor? = nil
    ) throws -> TrainingReport {
      var options = TrainingOptions()
      options.outputDirectory = folder.appendingPathComponent(out).path
      options.resume = resume
      options.threads = 1
      let engines = EngineOptions(
        engine: engine, files: CacheFolder(folder.appendingPathComponent("cache").path))
      let trainer = try Trainer(
        recipe: recipe, data: try LoadedData(recipe.data), options: options, communicator: communicator,
        processor: device ? .device(executor ?? own(communicator), engines) : .cpu)
      return try trainer.run()
    }

    private func own(_ communicator: any Communicator) -> ShimExecutor {
      communicator.size == 1 ? executor : ShimExecutor(seed: 3)
    }

    func parameters(_ report: TrainingReport) throws -> [Float] {
      try CheckpointFile(reading: report.checkpoint).tensors.filter { !$0.name.hasPrefix("optimizer.") }
        .flatMap(\.values)
    }
  }

  private func difference(_ a: [Float], _ b: [Float]) -> Float {
    zip(a, b).map { abs($0 - $1) }.max()! / b.map(abs).max()!
  }

  @Test(
    arguments: [
      [], ["train.accumulate=3", "schedule={name: constant, warmup_steps: 4}"],
      ["model.cell=gru", "model.bidirectional=true", "optimizer={name: rmsprop, momentum: 0.5, lr: 0.001}"],
    ], [Engine.walk, .fused])
  func aRunEqualsTheProcessors(overrides: [String], engine: Engine) throws {
    let run = try Run()
    let recipe = try run.recipe(overrides)
    let expected = try run.train(recipe, out: "cpu", device: false)
    let report = try run.train(recipe, out: "device", device: true, engine: engine)
    #expect(run.executor.kernels.contains("gather") == (engine == .walk || recipe.train.accumulate > 1))
    #expect(report.device == "kernels on the processor" && expected.device == "cpu")
    #expect(report.steps == 9 && report.status == .completed)
    #expect(difference(try run.parameters(report), try run.parameters(expected)) < 1e-5)
    for (a, b) in zip(report.epochLosses, expected.epochLosses) { #expect(abs(a - b) < 1e-5 * b) }
    #expect(abs(report.test!.loss - expected.test!.loss) < 1e-5 * expected.test!.loss)
    #expect(abs(report.validation!.mae! - expected.validation!.mae!) < 1e-5)
  }

  @Test(arguments: [Engine.walk, .fused])
  func ranksOnADeviceEqualOne(engine: Engine) throws {
    let run = try Run()
    let recipe = try run.recipe([])
    let expected = try run.train(recipe, out: "one", device: true, engine: engine)
    let reports = try Threaded.withRanks(2) { communicator in
      try run.train(recipe, out: "two", communicator: communicator, device: true, engine: engine)
    }
    #expect(difference(try run.parameters(reports[0]), try run.parameters(expected)) < 1e-5)
    #expect(reports[0].parametersSHA256 == reports[1].parametersSHA256)
  }

  /// The same files, whatever computes: one half on a device, the other on the processor.
  @Test(arguments: [true, false], [Engine.walk, .fused])
  func aRunGoesOnOnTheOther(deviceFirst: Bool, engine: Engine) throws {
    let run = try Run()
    let whole = try run.train(try run.recipe([]), out: "whole", device: false)
    _ = try run.train(
      try run.recipe(["train.epochs=1"]), out: "cut", device: deviceFirst, engine: engine)
    let rest = try run.train(
      try run.recipe([]), out: "cut", resume: .auto, device: !deviceFirst, engine: engine)
    #expect(rest.steps == 9)
    #expect(difference(try run.parameters(rest), try run.parameters(whole)) < 1e-5)
  }

  @Test(arguments: [Engine.walk, .fused])
  func aStepThatIsNotFiniteIsSkipped(engine: Engine) throws {
    let run = try Run()
    let recipe = try run.recipe(["optimizer.lr=1e38", "train.max_bad_steps=3", "model.head=[{linear: 1}]"])
    let failure = #expect(throws: Failure.self) {
      try run.train(recipe, out: "bad", device: true, engine: engine)
    }
    #expect(failure?.message.contains("3 steps in a row") == true)
  }

  /// Two full batches of an epoch are one launch, the small one at its end another; the log says how each step went.
  @Test func stepsAreTakenAhead() throws {
    let run = try Run()
    _ = try run.train(
      try run.recipe(["train.log_every_steps=1", "data.split={train: 26, test: rest}"]), out: "ahead",
      device: true, engine: .fused)
    #expect(run.executor.kernels == ["lstm_fused"])
    // Three epochs, and the test part of 31 samples in batches.
    #expect(run.executor.launches == 3 * 2 + 1)
    let log = try String(
      contentsOf: run.folder.appendingPathComponent("ahead/metrics.jsonl"), encoding: .utf8)
    #expect(log.split(separator: "\n").count { $0.hasPrefix("{\"event\":\"step\"") } == 9)
    #expect(log.contains("{\"event\":\"engine\",\"engine\":\"fused\",\"reason\":\"forced\"}"))
  }

  /// All ranks take rank 0's choice; a later run remembers it.
  @Test func theEngineIsChosenByTime() throws {
    let run = try Run()
    func engines(_ out: String) throws -> [String] {
      try String(contentsOf: run.folder.appendingPathComponent("\(out)/metrics.jsonl"), encoding: .utf8)
        .split(separator: "\n").filter { $0.contains("\"event\":\"engine\"") }.map(String.init)
    }
    let recipe = try run.recipe(["train.epochs=1"])
    let reports = try Threaded.withRanks(2) { communicator in
      try run.train(recipe, out: "two", communicator: communicator, device: true, engine: nil)
    }
    #expect(reports[0].parametersSHA256 == reports[1].parametersSHA256)
    #expect(try engines("two").count == 1 && engines("two")[0].contains("\"reason\":\"timed\""))
    #expect(try engines("two")[0].contains("fused_milliseconds"))
    _ = try run.train(recipe, out: "one", device: true, engine: nil)
    _ = try run.train(recipe, out: "again", device: true, engine: nil)
    #expect(try engines("again")[0].contains("\"reason\":\"remembered\""))
  }

  @Test func autoTakesTheFaster() throws {
    let run = try Run()
    var options = TrainingOptions()
    options.outputDirectory = run.folder.appendingPathComponent("auto").path
    // Fibers never win against vector code, and trying changes nothing.
    let recipe = try run.recipe([])
    let trainer = try Trainer(
      recipe: recipe, data: try LoadedData(recipe.data), options: options,
      processor: .fasterOf(ShimExecutor(), EngineOptions(files: CacheFolder(nil))))
    let report = try trainer.run()
    #expect(report.device == "cpu")
    #expect(report.parametersSHA256 == (try run.train(recipe, out: "cpu", device: false)).parametersSHA256)
  }
}
