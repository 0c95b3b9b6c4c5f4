import Dataset
import Diagnostics
import Foundation
import TestSupport
import Training

/// The same with the program as people use it, and recipes it must refuse.
extension CombinationCheck {
  func runProgram(_ program: String, _ whole: FinishedRun) {
    let way = Way(name: "program")
    let out = "\(folder)/program"
    let settings = overrides(way).flatMap { ["--set", $0] }
    let planted = plant == .program ? ["--set", "seed=5"] : []
    check("program") {
      let report = try object(
        program, ["train", recipePath, "--out", out, "--threads", "1", "--json"] + settings + planted)
      return try Comparison.difference(whole.comparable, Comparison.comparable(report), at: "report")
        ?? Comparison.difference(whole.log, Comparison.log(out), at: "metrics.jsonl")
    }
    check("program: evaluate") {
      let report = try object(program, ["evaluate", out, "--json"])
      for part in ["validation", "test"] {
        guard let expected = whole.comparable[part] else { continue }
        guard let found = report[part] else { return "\(part) is not measured" }
        if let place = Comparison.difference(expected, found, at: part) { return place }
      }
      return nil
    }
    check("program: inspect") {
      try object(program, ["inspect", out, "--json"])["command"].map { _ in nil } ?? "no report"
    }
    check("program: export") {
      _ = try object(program, ["export", out, "--safetensors", "\(folder)/exported.safetensors", "--json"])
      return nil
    }
    if combination.kind == .text {
      check("program: generate") {
        _ = try object(program, ["generate", out, "--prompt", "the", "--length", "9", "--json"])
        return nil
      }
    } else {
      check("program: predict") { try predictions(program, out) }
    }
  }

  private func predictions(_ program: String, _ run: String) throws -> String? {
    let path = "\(folder)/predictions.csv"
    let report = try object(program, ["predict", run, "--split", "train", "--output", path, "--json"])
    let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").count
    return report["rows"] == .integer(Int64(lines - 1))
      ? nil : "\(lines) lines, reported \(String(describing: report["rows"]))"
  }

  /// Ranks that are processes, started by mpirun.
  func runRanks(_ program: String, _ many: FinishedRun) {
    check("mpirun") {
      let run = "\(folder)/mpirun"
      let settings = overrides(Way(name: "mpirun", ranks: 3)).flatMap { ["--set", $0] }
      let report = try object(
        program,
        ["launch", "-n", "3", "--", "train", recipePath, "--out", run, "--threads", "1", "--json"] + settings)
      // As threads, ranks make the same sums in the same order.
      return try Comparison.difference(Comparison.comparable(report), many.comparable, at: "report")
        ?? Comparison.difference(Comparison.log(run), many.log, at: "metrics.jsonl")
    }
  }

  /// A command that must work, and its report.
  private func object(_ program: String, _ arguments: [String]) throws -> JSONValue {
    let outcome = try TestSupport.run(program, arguments, limit: 100)
    guard outcome.status == 0, let line = outcome.output.split(separator: "\n").last else {
      throw Failure(
        .internalError, "\(arguments[0]): exit code \(outcome.status): \(outcome.errors.suffix(500))")
    }
    return try JSONDecoder().decode(JSONValue.self, from: Data(line.utf8))
  }

  /// The recipe with a mistake in it is refused by one line and the right code, here and by the program.
  func refuse(_ program: String?) {
    let mistake = combination.mistake
    let folder = "\(folder)/refused"
    let path = "\(folder)/recipe.yaml"
    check("refusal") {
      var recipe = combination.recipe
      var files = DataFiles(combination.kind, recipe, Dice(combination.seed, combination.number, -1))
      switch mistake.change {
      case .recipe(let change): if plant != .refusal { change(&recipe) }
      case .file(let change):
        if plant != .refusal { files.change(DataFiles.spoilt(of: combination.kind), change) }
      }
      try files.write(to: folder)
      try recipe.json.write(toFile: path, atomically: false, encoding: .utf8)
      do {
        let recipe = try Recipe(contentsOf: path, overrides: ["distributed.coordinator=shared"])
        var options = TrainingOptions()
        (options.outputDirectory, options.threads) = ("\(folder)/run", 1)
        _ = try Trainer(recipe: recipe, data: LoadedData(recipe.data), options: options).run()
        return "\(mistake.name): it was trained"
      } catch let failure as Failure {
        guard failure.kind.rawValue == mistake.code else {
          return "\(mistake.name): code \(failure.kind.rawValue), not \(mistake.code): \(failure.message)"
        }
        if failure.message.contains("\n") || failure.message.utf8.count > 1000 {
          return "\(mistake.name): not one short line: \(failure.message)"
        }
        if FileManager.default.fileExists(atPath: "\(folder)/run") {
          return "\(mistake.name): it left a run behind"
        }
        return try program.flatMap { try refuse($0, path, failure) }
      }
    }
  }

  private func refuse(_ program: String, _ recipe: String, _ expected: Failure) throws -> String? {
    let outcome = try TestSupport.run(
      program,
      [
        "train", recipe, "--out", "\(folder)/refused/run", "--json", "--set",
        "distributed.coordinator=shared",
      ])
    let name = combination.mistake.name
    guard outcome.status == combination.mistake.code else {
      return "\(name): the program ends with \(outcome.status): \(outcome.errors.suffix(300))"
    }
    let lines = outcome.errors.split(separator: "\n")
    guard lines.count == 1, lines[0] == "recur: \(expected.message)" else {
      return "\(name): the program says \(outcome.errors.suffix(500)), not \(expected.message)"
    }
    let report = try JSONDecoder().decode(JSONValue.self, from: Data(outcome.output.utf8))
    let object: JSONValue = .object([
      "error": .string(expected.message), "exit_code": .integer(Int64(outcome.status)),
    ])
    return Comparison.difference(object, report, at: "\(name): --json")
  }
}
