import CUDA
import Collective
import Dataset
import Diagnostics
import Foundation
import TestSupport
import Testing
import Training

/// Whole runs through the trainer, with the kernels executed on the processor in place of a GPU.
@Suite struct DeviceTrainingTests {
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
      device: Bool = true, executor: ShimExecutor? = nil
    ) throws -> TrainingReport {
      var options = TrainingOptions()
      options.outputDirectory = folder.appendingPathComponent(out).path
      options.resume = resume
      options.threads = 1
      let trainer = try Trainer(
        recipe: recipe, data: try LoadedData(recipe.data), options: options, communicator: communicator,
        processor: device ? .device(executor ?? own(communicator)) : .cpu)
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

  @Test(arguments: [
    [], ["train.accumulate=3"],
    ["model.cell=gru", "model.bidirectional=true", "optimizer={name: rmsprop, momentum: 0.5, lr: 0.001}"],
  ])
  func aRunEqualsTheProcessors(overrides: [String]) throws {
    let run = try Run()
    let recipe = try run.recipe(overrides)
    let expected = try run.train(recipe, out: "cpu", device: false)
    let report = try run.train(recipe, out: "device", device: true)
    #expect(run.executor.kernels.contains("gather"))
    #expect(report.device == "kernels on the processor" && expected.device == "cpu")
    #expect(report.steps == 9 && report.status == .completed)
    #expect(difference(try run.parameters(report), try run.parameters(expected)) < 1e-5)
    for (a, b) in zip(report.epochLosses, expected.epochLosses) { #expect(abs(a - b) < 1e-5 * b) }
    #expect(abs(report.test!.loss - expected.test!.loss) < 1e-5 * expected.test!.loss)
    #expect(abs(report.validation!.mae! - expected.validation!.mae!) < 1e-5)
  }

  @Test func ranksOnADeviceEqualOne() throws {
    let run = try Run()
    let recipe = try run.recipe([])
    let expected = try run.train(recipe, out: "one", device: true)
    let reports = try Threaded.withRanks(2) { communicator in
      try run.train(recipe, out: "two", communicator: communicator, device: true)
    }
    #expect(difference(try run.parameters(reports[0]), try run.parameters(expected)) < 1e-5)
    #expect(reports[0].parametersSHA256 == reports[1].parametersSHA256)
  }

  /// The same files, whatever computes: one half on a device, the other on the processor.
  @Test(arguments: [true, false])
  func aRunGoesOnOnTheOther(deviceFirst: Bool) throws {
    let run = try Run()
    let whole = try run.train(try run.recipe([]), out: "whole", device: false)
    _ = try run.train(try run.recipe(["train.epochs=1"]), out: "cut", device: deviceFirst)
    let rest = try run.train(try run.recipe([]), out: "cut", resume: .auto, device: !deviceFirst)
    #expect(rest.steps == 9)
    #expect(difference(try run.parameters(rest), try run.parameters(whole)) < 1e-5)
  }

  @Test func aStepThatIsNotFiniteIsSkipped() throws {
    let run = try Run()
    let recipe = try run.recipe(["optimizer.lr=1e38", "train.max_bad_steps=3", "model.head=[{linear: 1}]"])
    let failure = #expect(throws: Failure.self) { try run.train(recipe, out: "bad", device: true) }
    #expect(failure?.message.contains("3 steps in a row") == true)
  }

  @Test func autoTakesTheFaster() throws {
    let run = try Run()
    var options = TrainingOptions()
    options.outputDirectory = run.folder.appendingPathComponent("auto").path
    // Fibers never win against vector code, and trying changes nothing.
    let recipe = try run.recipe([])
    let trainer = try Trainer(
      recipe: recipe, data: try LoadedData(recipe.data), options: options,
      processor: .fasterOf(ShimExecutor()))
    let report = try trainer.run()
    #expect(report.device == "cpu")
    #expect(report.parametersSHA256 == (try run.train(recipe, out: "cpu", device: false)).parametersSHA256)
  }
}
