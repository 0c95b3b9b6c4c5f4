import CUDA
import Collective
import Dataset
import Devices
import Foundation
import Recurrent
import TestSupport
import Testing
import Training

/// Runs on every kind of data through the trainer, with the kernels executed on the processor in place of a GPU.
@Suite(.tags(.long)) struct DeviceTaskTests {
  struct Task: Sendable, CustomTestStringConvertible {
    let name: String
    let data: String
    let model: String
    var loss = "cross_entropy"
    var train = "clip_norm: 0.5"
    var testDescription: String { name }
  }

  static let tasks = [
    Task(
      name: "text",
      data:
        "{format: text, path: t.txt, sequence_length: 6, split: {train: 0.5, validation: 0.2, test: rest}}",
      model:
        "{embedding: 6, embedding_dropout: 0.1, cell: lstm, hidden_size: 7, num_layers: 2, dropout: 0.2, readout: every_step, head: [{linear: classes}]}",
      train: "clip_norm: 0.5, ema: 0.8"),
    Task(
      name: "tied words both ways",
      data:
        "{format: text, tokens: word, path: t.txt, sequence_length: 4, split: {train: 0.7, validation: 0.1, test: rest}}",
      model:
        "{embedding: 6, tie_embeddings: true, cell: gru, hidden_size: 6, recurrent_dropout: 0.2, readout: every_step, head: [{linear: classes}]}",
      train: "clip_value: 0.05"),
    Task(
      name: "tagged",
      data: "{format: tagged, path: s.txt, min_count: 2, split: {train: 0.6, validation: 0.2, test: rest}}",
      model:
        "{embedding: 6, cell: gru, hidden_size: 5, bidirectional: true, readout: every_step, head: [{dropout: 0.2}, {linear: classes}]}",
      train: "accumulate: 2"),
    Task(
      name: "grouped",
      data:
        "{format: csv, path: d.csv, features: [a, b], label: k, group: g, split: {train: 12, validation: 3, test: rest}}",
      model:
        "{cell: lstm, hidden_size: 6, bidirectional: true, zoneout: 0.1, readout: final_state, head: [{linear: classes}]}"
    ),
    Task(
      name: "a target for each step",
      data:
        "{format: csv, path: d.csv, features: [a, b], targets: [c], group: g, per_step: true, split: {train: 12, validation: 3, test: rest}}",
      model:
        "{cell: lstm, hidden_size: [6, 5], num_layers: 2, layer_norm: true, readout: every_step, head: [{linear: 1}]}",
      loss: "mse", train: "ema: 0.7"),
  ]

  /// A folder with data of every kind.
  struct Run: @unchecked Sendable {
    let folder: URL

    init() throws {
      folder = FileManager.default.temporaryDirectory.appendingPathComponent("tasks-\(UUID().uuidString)")
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      let rows = (0..<80).map { i -> String in
        let numbers = (0..<3).map { "\(sin(0.31 * Double(i) + Double($0)))" }.joined(separator: ",")
        let group = (i * 20 + i % 13) / 80
        return "\(numbers),g\(group),\(["x", "y", "z"][group * group % 3])"
      }
      try write("d.csv", (["a,b,c,g,k"] + rows).joined(separator: "\n"))
      let lines = (0..<40).map { "\($0 * 37 % 100) \(["ant", "bee", "cow"][$0 * $0 % 3])\n" }
      try write("t.txt", lines.joined())
      let sentences = (0..<20).map { i in
        (0...(i * 7 % 5)).map { "\(["a", "the", "ox"][(i + $0) % 3])\t\(["d", "n"][(i + $0) % 3 / 2])\n" }
          .joined()
      }
      try write("s.txt", sentences.joined(separator: "\n"))
    }

    private func write(_ name: String, _ text: String) throws {
      try text.write(to: folder.appendingPathComponent(name), atomically: true, encoding: .utf8)
    }

    func recipe(_ task: Task, _ overrides: [String] = []) throws -> Recipe {
      let yaml = """
        name: device
        seed: 5
        data: \(task.data)
        model: \(task.model)
        loss: \(task.loss)
        optimizer: {name: sgd, lr: 0.1, momentum: 0.5}
        train: {epochs: 2, batch_size: 5, shuffle: true, \(task.train)}
        """
      return try Recipe(yaml: yaml, path: "r", baseDirectory: folder.path, overrides: overrides)
    }

    func train(
      _ recipe: Recipe, out: String, resume: ResumeChoice = .never, communicator: any Communicator = Solo(),
      device: Bool, stops: Bool = false
    ) throws -> TrainingReport {
      var options = TrainingOptions()
      options.outputDirectory = folder.appendingPathComponent(out).path
      options.resume = resume
      options.threads = 1
      let trainer = try Trainer(
        recipe: recipe, data: try LoadedData(recipe.data), options: options, communicator: communicator,
        processor: device ? .device(ShimExecutor(seed: 3)) : .cpu)
      if stops { trainer.requestStop() }
      return try trainer.run()
    }
  }

  /// Parameters, their average, the optimizer's state and what streams carry.
  private func difference(_ a: TrainingReport, _ b: TrainingReport) throws -> Float {
    let (a, b) = try (CheckpointFile(reading: a.checkpoint), CheckpointFile(reading: b.checkpoint))
    #expect(a.tensors.map(\.name) == b.tensors.map(\.name))
    return zip(a.tensors, b.tensors).map { a, b in
      zip(a.values, b.values).map { abs($0 - $1) }.max()! / max(b.values.map(abs).max()!, 1e-2)
    }.max()!
  }

  @Test(arguments: tasks) func aRunEqualsTheProcessors(_ task: Task) throws {
    let run = try Run()
    let recipe = try run.recipe(task)
    let expected = try run.train(recipe, out: "cpu", device: false)
    let report = try run.train(recipe, out: "device", device: true)
    #expect(report.device == "kernels on the processor" && report.steps == expected.steps)
    #expect(try difference(report, expected) < 1e-5)
    for (a, b) in zip(report.epochLosses, expected.epochLosses) { #expect(abs(a - b) < 1e-5 * b) }
    for (a, b) in [(report.validation, expected.validation), (report.test, expected.test)] {
      #expect(abs(a!.loss - b!.loss) < 1e-5 * b!.loss && a!.samples == b!.samples)
      #expect(a!.accuracy == b!.accuracy)
    }
  }

  @Test(arguments: tasks) func ranksOnADeviceEqualOne(_ task: Task) throws {
    let run = try Run()
    let recipe = try run.recipe(task)
    let expected = try run.train(recipe, out: "one", device: true)
    let reports = try Threaded.withRanks(2) { communicator in
      try run.train(recipe, out: "two", communicator: communicator, device: true)
    }
    #expect(try difference(reports[0], expected) < 1e-5)
  }

  /// Few graphs serve every combination of lengths, and little of one is padding.
  @Test(arguments: [1, 7, 8, 9, 29, 100]) func eightProgramsServeAllLengths(steps: Int) {
    let network = Network(.gru, inputs: 1, hidden: 2, steps: steps, head: [])
    var plan = StepPlan(network, loss: .mse, rule: .adam, steps: steps, capacity: 1)
    #expect(plan.programSteps(longest: 1) == steps)
    plan.hasLengths = true
    let sizes = (1...steps).map { plan.programSteps(longest: $0) }
    for (length, size) in zip(1..., sizes) {
      #expect((length...steps).contains(size) && size - length <= steps / 8)
    }
    #expect(Set(sizes).count <= 8)
  }

  /// The same files, whatever computes: a run stopped within an epoch goes on on the other.
  @Test(arguments: tasks, [true, false]) func aRunGoesOnOnTheOther(_ task: Task, deviceFirst: Bool) throws {
    let run = try Run()
    let recipe = try run.recipe(task)
    let whole = try run.train(recipe, out: "whole", device: false)
    let first = try run.train(recipe, out: "cut", device: deviceFirst, stops: true)
    #expect(first.status == .interrupted && first.steps == 1)
    let rest = try run.train(recipe, out: "cut", resume: .auto, device: !deviceFirst)
    #expect(rest.steps == whole.steps)
    #expect(try difference(rest, whole) < 1e-5)
  }
}
