import Collective
import Dataset
import Diagnostics
import Foundation
import TestSupport
import Testing
import Training

/// What is refused changes nothing and begins nothing, and the mended command works.
@Suite(.tags(.fast)) struct RefusedResumeTests {
  /// Name, bytes, time and number of each file of a folder and of the folder itself.
  private func state(_ path: String) throws -> [String: String] {
    var found: [String: String] = [:]
    for name in [""] + (try FileManager.default.subpathsOfDirectory(atPath: path)) {
      var status = stat()
      #expect(lstat("\(path)/\(name)", &status) == 0)
      let bytes = (try? Data(contentsOf: URL(fileURLWithPath: "\(path)/\(name)"))) ?? Data()
      found[name] =
        "\(status.st_ino) \(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec) \(bytes.base64EncodedString())"
    }
    return found
  }

  private func refusal(
    _ run: TemporaryRun, _ recipe: Recipe, ranks: Int, out: String, _ resume: ResumeChoice,
    overwrite: Bool = false
  ) throws -> Failure? {
    try Threaded.withRanks(ranks) { group -> Failure? in
      var options = TrainingOptions()
      options.outputDirectory = "\(run.path)/\(out)"
      options.resume = resume
      options.overwrite = overwrite
      do {
        _ = try Trainer(
          recipe: recipe, data: LoadedData(recipe.data), options: options, communicator: group)
      } catch { return error as? Failure }
      return nil
    }[0]
  }

  private static let changes = [
    "optimizer.lr=0.5", "model.hidden_size=9", "seed=8", "data.window=5", "data.split.train=30",
    "train.batch_size=7", "schedule=cosine", "loss=mae",
  ]

  @Test(arguments: changes, [1, 3]) func anotherRunLeavesEveryByte(change: String, ranks: Int) throws {
    let run = try TemporaryRun()
    let recipe = try run.recipe("checkpoint.every_epochs=1")
    _ = try run.train(recipe, out: "run")
    let before = try state(run.path + "/run")
    let other = try run.recipe("checkpoint.every_epochs=1", change)
    let failure = try refusal(run, other, ranks: ranks, out: "run", .auto)
    #expect(
      failure?.kind == .badData && failure!.message.contains("can't resume"), "\(String(describing: failure))"
    )
    #expect(try state(run.path + "/run") == before)
    // A new run that begins with its checkpoint.
    let file = ResumeChoice.file(run.path + "/run/checkpoints/latest")
    #expect(try refusal(run, other, ranks: ranks, out: "new/run", file)?.kind == .badData)
    #expect(!FileManager.default.fileExists(atPath: run.path + "/new"))
    #expect(try state(run.path + "/run") == before)
    let longer = try run.recipe("checkpoint.every_epochs=1", "train.epochs=6")
    #expect(try run.train(longer, out: "run", resume: .auto).epochs == 6)
    #expect(try run.train(longer, out: "new/run", resume: file).epochs == 6)
  }

  @Test func otherDataLeaveEveryByte() throws {
    let run = try TemporaryRun()
    _ = try run.train(run.recipe(), out: "run")
    let before = try state(run.path + "/run")
    let path = run.path + "/series.csv"
    try (String(contentsOfFile: path, encoding: .utf8) + "\n").write(
      toFile: path, atomically: true, encoding: .utf8)
    let failure = try refusal(run, run.recipe(), ranks: 1, out: "run", .auto)
    #expect(failure?.message.contains("the data files are not those") == true)
    #expect(try state(run.path + "/run") == before)
  }

  /// What replaces a run is checked before anything of the old one goes.
  @Test func whatMayNotBeginReplacesNothing() throws {
    let run = try TemporaryRun()
    _ = try run.train(run.recipe(), out: "run")
    let before = try state(run.path + "/run")
    for change in ["checkpoint.metric=validation.accuracy", "model.head=[{linear: 3}]", "data.split.train=0"]
    {
      #expect(throws: Failure.self) {
        try run.train(run.recipe(change), out: "run", overwrite: true)
      }
    }
    #expect(try state(run.path + "/run") == before)
  }

  /// A cosine over all epochs is not stretched; with its span written down it goes on.
  @Test func aCosineIsNotStretched() throws {
    let run = try TemporaryRun()
    _ = try run.train(run.recipe("schedule=cosine"), out: "run")
    let before = try state(run.path + "/run")
    let failure = try refusal(
      run, run.recipe("schedule=cosine", "train.epochs=6"), ranks: 1, out: "run", .auto)
    #expect(failure?.kind == .badData && failure!.message.contains("schedule.t_max to 4"))
    #expect(try state(run.path + "/run") == before)
    let kept = try run.recipe("schedule={name: cosine, t_max: 4}", "train.epochs=6")
    let whole = try run.train(kept, out: "whole")
    #expect(try run.train(kept, out: "run", resume: .auto).parametersSHA256 == whole.parametersSHA256)
    // A run that began with a span of its own does not lose it either.
    let back = try refusal(
      run, run.recipe("schedule=cosine", "train.epochs=6"), ranks: 1, out: "run", .auto)
    #expect(back?.message.contains("schedule.t_max to 4") == true)
  }

  /// The last epoch is evaluated in any case; a longer run must not have decided on it.
  @Test func moreEpochsAreTheSameRunWhereEvaluationIsRare() throws {
    let run = try TemporaryRun()
    let rare = [
      "train.eval_every_epochs=2", "schedule={name: plateau, patience: 0, threshold: 0.9}",
      "optimizer.lr=0.05",
      "early_stopping={patience: 2, min_delta: 0.001}",
    ]
    func recipe(_ epochs: Int) throws -> Recipe {
      try Recipe(
        yaml: run.recipe().effectiveYAML, path: "r", baseDirectory: "/",
        overrides: rare + ["train.epochs=\(epochs)"])
    }
    let whole = try run.train(recipe(9), out: "whole")
    _ = try run.train(recipe(3), out: "run")
    _ = try run.train(recipe(5), out: "run", resume: .auto)
    #expect(try run.train(recipe(9), out: "run", resume: .auto).parametersSHA256 == whole.parametersSHA256)
  }
}
